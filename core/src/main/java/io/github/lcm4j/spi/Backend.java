package io.github.lcm4j.spi;

import java.io.IOException;

/** Runs the networks of a checkpoint; found with {@link java.util.ServiceLoader}. */
public interface Backend {
  /**
   * Loads a checkpoint.
   *
   * @param spec what to load and how
   * @return the loaded networks, owned by the caller
   * @throws IOException if the checkpoint or a LoRA file is damaged, or they do not fit each other
   * @throws UnsupportedOperationException if the checkpoint or the execution provider is of a kind
   *     this backend does not run; the message says what is missing
   */
  DiffusionModel load(ModelSpec spec) throws IOException;
}
