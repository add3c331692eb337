package io.github.lcm4j.benchmarks.model;

/**
 * The size of one network evaluation.
 *
 * @param batch rows of the batch
 * @param height height of the latents
 * @param width width of the latents
 * @param tokens length of the tokenized prompt
 */
public record Extent(int batch, int height, int width, int tokens) {
  /** Checks that all are positive. */
  public Extent {
    if (batch < 1 || height < 1 || width < 1 || tokens < 1) {
      throw new IllegalArgumentException(
          "an extent's numbers must be at least 1, found batch %d, %d×%d latents, %d tokens"
              .formatted(batch, height, width, tokens));
    }
  }
}
