package io.github.lcm4j.cli;

import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.pocket.PocketModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which weights are meant: a checkpoint and what is folded into it. */
final class CheckpointOptions {
  @Option(
      names = "--checkpoint",
      paramLabel = "DIR",
      description = "Checkpoint folder in diffusers' layout; the pocket model by default.")
  private @Nullable Path checkpoint;

  @Option(
      names = "--lora",
      paramLabel = "FILE[:WEIGHT]",
      converter = Converters.Lora.class,
      description = "LoRA file to fold in, weight 1 by default; may be repeated.")
  private List<LoraSpec> loras = new ArrayList<>();

  CheckpointOptions() {}

  /** Whether the pocket model is meant. */
  boolean isPocket() {
    return checkpoint == null;
  }

  /** The checkpoint's folder. */
  Path folder() throws IOException {
    return checkpoint == null ? PocketModel.checkpoint() : checkpoint;
  }

  /** The LoRAs that were named. */
  List<LoraSpec> loras() {
    return loras;
  }

  /**
   * Finds LoRA files that are not there before a model is loaded.
   *
   * @throws IOException if one is not
   */
  void check() throws IOException {
    for (LoraSpec lora : loras) {
      if (!Files.isRegularFile(lora.file())) {
        throw new IOException(
            "LoRA file %s %s"
                .formatted(
                    lora.file(), Files.exists(lora.file()) ? "is not a file" : "does not exist"));
      }
    }
  }
}
