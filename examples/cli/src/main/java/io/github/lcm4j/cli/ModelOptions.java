package io.github.lcm4j.cli;

import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.PipelineBuilder;
import io.github.lcm4j.Precision;
import io.github.lcm4j.Schedulers;
import io.github.lcm4j.pocket.PocketModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which model is run, and where. */
final class ModelOptions {
  static final String LCM = "LCMScheduler";

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create(); // replaced by picocli

  @Mixin private CheckpointOptions base = new CheckpointOptions();

  @Option(
      names = "--lenient",
      description =
          "Fold a LoRA in although some of its keys fit nothing, and list those; refused by"
              + " default.")
  private boolean lenient;

  @Option(
      names = "--textual-inversion",
      paramLabel = "FILE",
      description =
          "A learned word, used in the prompt by its own name or that of its file; may be"
              + " repeated.")
  private List<Path> textualInversions = new ArrayList<>();

  @Option(
      names = "--scheduler",
      paramLabel = "NAME",
      description = "Scheduler: lcm, ddim, euler, …; the checkpoint's own by default.")
  private @Nullable String scheduler;

  @Option(
      names = "--provider",
      paramLabel = "NAME[,KEY=VALUE...]",
      converter = Converters.Provider.class,
      description = "Execution provider and its options: cpu (default), cuda, tensorrt, coreml, …")
  private ExecutionProvider provider = ExecutionProvider.CPU;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads one network may use; as many as there are cores by default.")
  private @Nullable Integer threads;

  @Option(
      names = "--precision",
      paramLabel = "TYPE",
      converter = Converters.PrecisionName.class,
      description = "What the networks compute in: float32 (default) or float16, for GPUs.")
  private Precision precision = Precision.FLOAT32;

  @Option(
      names = "--vae-tiling",
      description =
          "Decode large pictures in overlapping tiles: less memory, and maybe a shade between"
              + " tiles.")
  private boolean vaeTiling;

  @Option(
      names = "--low-memory",
      description = "Keep each network in memory only while it runs; loading them takes longer.")
  private boolean lowMemory;

  ModelOptions() {}

  /** Whether the pocket model is meant, whose best settings are known. */
  boolean isPocket() {
    return base.isPocket();
  }

  /** Whether keys of LoRAs may be left over. */
  boolean lenient() {
    return lenient;
  }

  /** The LoRAs that were named. */
  List<LoraSpec> loras() {
    return base.loras();
  }

  /** The scheduler that was named, or null. */
  @Nullable String scheduler() {
    return scheduler;
  }

  /** Where it is computed, for a person. */
  String device() {
    if (!provider.name().equals(ExecutionProvider.CPU.name())) {
      return provider.name();
    }
    int count = threads != null ? threads : Runtime.getRuntime().availableProcessors();
    return count == 1 ? "CPU, 1 thread" : "CPU, %d threads".formatted(count);
  }

  /** What was named; where nothing is said against it, the pocket model comes with its LCM-LoRA. */
  PipelineBuilder builder() throws IOException {
    if (isPocket() && loras().isEmpty() && (scheduler == null || isLcm(scheduler))) {
      return builder(List.of(LoraSpec.of(PocketModel.lcmLora())), LCM);
    }
    return builder(loras(), scheduler);
  }

  /** The checkpoint with these LoRAs and this scheduler; null for the checkpoint's own. */
  PipelineBuilder builder(List<LoraSpec> folded, @Nullable String schedulerName)
      throws IOException {
    PipelineBuilder builder =
        Pipeline.builder()
            .checkpoint(base.folder())
            .executionProvider(provider)
            .precision(precision)
            .lenientLoras(lenient)
            .vaeTiling(vaeTiling)
            .lowMemory(lowMemory);
    textualInversions.forEach(builder::textualInversion);
    if (threads != null) {
      builder.threads(threads);
    }
    if (schedulerName != null) {
      builder.scheduler(schedulerName);
    }
    folded.forEach(builder::lora);
    return builder;
  }

  /**
   * Finds faults that need no model, before one is loaded.
   *
   * @throws ParameterException for bad usage
   * @throws IOException if a named file is not there
   */
  void check() throws IOException {
    if (threads != null && threads < 1) {
      throw usage("--threads must be at least 1, found " + threads);
    }
    if (scheduler != null) {
      try {
        Schedulers.named(scheduler);
      } catch (IllegalArgumentException e) {
        throw usage("--scheduler: " + e.getMessage());
      }
    }
    base.check();
    for (Path inversion : textualInversions) {
      requireFile("textual inversion", inversion);
    }
  }

  private static void requireFile(String what, Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new IOException(
          "%s file %s %s"
              .formatted(what, file, Files.exists(file) ? "is not a file" : "does not exist"));
    }
  }

  private static boolean isLcm(String name) {
    return name.toLowerCase(Locale.ROOT).replaceAll("scheduler|[^a-z]", "").equals("lcm");
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
