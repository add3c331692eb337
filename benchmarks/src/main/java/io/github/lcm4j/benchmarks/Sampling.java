package io.github.lcm4j.benchmarks;

import io.github.lcm4j.ImageRequest;

/**
 * How pictures are sampled.
 *
 * @param lcm whether with LCM-LoRA and without guidance, else the bare base with guidance
 * @param steps number of inference steps
 */
public record Sampling(boolean lcm, int steps) {
  private static final double GUIDANCE_SCALE = 7.5;

  /**
   * Reads the form {@code lcm-4} or {@code base-25}.
   *
   * @throws IllegalArgumentException if it has another form
   */
  public static Sampling parse(String text) {
    if (!text.matches("(lcm|base)-[1-9][0-9]*")) {
      throw new IllegalArgumentException(
          "sampling must be lcm-STEPS or base-STEPS, found '%s'".formatted(text));
    }
    return new Sampling(
        text.startsWith("lcm"), Integer.parseInt(text.substring(text.indexOf('-') + 1)));
  }

  /** UNet evaluations of one picture; with guidance each step takes two. */
  public int evaluations() {
    return lcm ? steps : 2 * steps;
  }

  ImageRequest request(Subject subject, int pixels, long seed) {
    // Another prompt each time, so that no cached embeddings are measured.
    return ImageRequest.of("red apple on a blue background, number " + seed)
        .steps(steps)
        .guidanceScale(lcm ? 1 : GUIDANCE_SCALE)
        .seed(seed)
        .size(pixels, pixels)
        .count(subject.batch);
  }

  @Override
  public String toString() {
    return (lcm ? "lcm-" : "base-") + steps;
  }
}
