package io.github.lcm4j.spi;

import io.github.lcm4j.tensor.Tensor;

/** The decoder half of an autoencoder. */
public interface VaeDecoder {
  /** Picture pixels a latent cell stands for, per side. */
  int scaleFactor();

  /**
   * Decodes.
   *
   * @param latents float32 {@code [batch, latent_channels, height, width]}, already divided by the
   *     scaling factor
   * @return float32 picture {@code [batch, 3, height × factor, width × factor]}, nominally −1 to 1
   */
  Tensor decode(Tensor latents);
}
