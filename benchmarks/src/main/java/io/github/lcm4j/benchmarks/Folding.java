package io.github.lcm4j.benchmarks;

import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.lora.LoraMerger;
import io.github.lcm4j.lora.MergeResult;
import io.github.lcm4j.safetensors.WeightSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/** The LCM-LoRA folded into the weights, without creating sessions: {@code W′ = W + s·up·down}. */
public class Folding extends ForkedBenchmark {
  private final Map<String, WeightSource> weights = new LinkedHashMap<>();
  private List<LoraSpec> loras;
  private LoraMerger merger;

  /** Made by JMH. */
  public Folding() {}

  /** Maps the weights. */
  @Setup
  public void open(Subject subject) throws IOException {
    Path lora = subject.lcmLora();
    if (lora == null) {
      throw new IllegalArgumentException("folding needs a LoRA: set the parameter lora to a file");
    }
    loras = List.of(LoraSpec.of(lora));
    Checkpoint checkpoint = subject.open();
    for (Component part : checkpoint.components().values()) {
      if (part.name().equals("unet") || part.name().startsWith("text_encoder")) {
        weights.put(part.name(), part.openWeights());
      }
    }
    merger = LoraMerger.builder().threads(subject.threads).build();
  }

  /** Reads the LoRA and folds it. */
  @Benchmark
  public MergeResult fold() throws IOException {
    return merger.merge(weights, loras);
  }
}
