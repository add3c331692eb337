package io.github.lcm4j;

import java.time.Duration;

/**
 * How long the parts of a request took, for all its pictures together.
 *
 * @param textEncoding tokenizing and text encoders
 * @param imageEncoding the VAE's encoding of the initial image and drawing the first noise
 * @param denoising the loop of UNet and scheduler
 * @param decoding the VAE and the conversion to pixels
 * @param unetCalls UNet evaluations, counting a guided evaluation as two
 */
public record Timings(
    Duration textEncoding,
    Duration imageEncoding,
    Duration denoising,
    Duration decoding,
    int unetCalls) {
  /** The sum of the parts. */
  public Duration total() {
    return textEncoding.plus(imageEncoding).plus(denoising).plus(decoding);
  }
}
