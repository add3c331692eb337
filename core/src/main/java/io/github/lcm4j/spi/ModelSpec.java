package io.github.lcm4j.spi;

import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.checkpoint.Checkpoint;
import java.util.List;

/**
 * What a backend is to load.
 *
 * @param checkpoint the base model
 * @param loras LoRA files to fold in, in order
 * @param lenientLoras whether a LoRA key without a matching weight is reported rather than refused
 * @param executionProvider where to compute
 * @param threads threads one network may use; 0 for the backend's choice
 */
public record ModelSpec(
    Checkpoint checkpoint,
    List<LoraSpec> loras,
    boolean lenientLoras,
    ExecutionProvider executionProvider,
    int threads) {
  /** Copies the list. */
  public ModelSpec {
    loras = List.copyOf(loras);
    if (threads < 0) {
      throw new IllegalArgumentException("threads must be at least 0, found " + threads);
    }
  }
}
