package io.github.lcm4j.benchmarks;

import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.PipelineBuilder;
import io.github.lcm4j.benchmarks.model.Architecture;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.onnx.OnnxBackend;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.ModelSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** What is measured and on what: the parameters of every benchmark. */
@State(Scope.Benchmark)
public class Subject {
  /** {@code pocket}, {@code sd15}, {@code sdxl} or a checkpoint folder. */
  @Param("pocket")
  public String checkpoint = "";

  /** Type of the weights of {@code sd15} and {@code sdxl}; other checkpoints have their own. */
  @Param("float32")
  public String dtype = "";

  /** The LCM-LoRA: {@code auto} for the model's own, {@code none}, or a file. */
  @Param("auto")
  public String lora = "";

  /** Side of the pictures in pixels; 0 for the model's own. */
  @Param("0")
  public int size;

  /** Name of the execution provider. */
  @Param("CPU")
  public String provider = "";

  /** Threads a network may use; 0 for as many as there are cores. */
  @Param("0")
  public int threads;

  /** Pictures drawn at once, and rows of the parts' batches. */
  @Param("1")
  public int batch;

  /** Made by JMH. */
  public Subject() {}

  private ModelFiles files() throws IOException {
    return ModelFiles.of(checkpoint, dtype);
  }

  Architecture architecture() throws IOException {
    return ModelFiles.architecture(checkpoint);
  }

  int pixels() throws IOException {
    return size > 0 ? size : architecture().nativeSize();
  }

  /** The LCM-LoRA, or null for none. */
  @Nullable Path lcmLora() throws IOException {
    return switch (lora) {
      case "auto" -> files().lcmLora();
      case "none" -> null;
      default -> Path.of(lora);
    };
  }

  Checkpoint open() throws IOException {
    return Checkpoint.open(files().checkpoint());
  }

  /** The networks without a pipeline around them and without LoRA. */
  DiffusionModel load() throws IOException {
    return new OnnxBackend()
        .load(
            new ModelSpec(
                open(), List.<LoraSpec>of(), false, ExecutionProvider.named(provider), threads));
  }

  /** A pipeline of the bare base with its own scheduler. */
  PipelineBuilder base() throws IOException {
    return Pipeline.builder()
        .checkpoint(files().checkpoint())
        .executionProvider(ExecutionProvider.named(provider))
        .threads(threads);
  }

  /** A pipeline with the LCM-LoRA folded in. */
  PipelineBuilder lcm() throws IOException {
    PipelineBuilder builder = base().scheduler("LCMScheduler");
    Path file = lcmLora();
    return file == null ? builder : builder.lora(file);
  }
}
