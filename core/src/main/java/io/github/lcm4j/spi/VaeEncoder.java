package io.github.lcm4j.spi;

import io.github.lcm4j.tensor.Tensor;

/** The encoder half of an autoencoder. */
public interface VaeEncoder {
  /**
   * Encodes.
   *
   * @param image float32 {@code [batch, 3, height, width]}, −1 to 1
   * @return for AutoencoderKL the moments {@code [batch, 2 × latent_channels, …]} (mean, then log
   *     variance), for AutoencoderTiny the latents {@code [batch, latent_channels, …]}; not scaled
   */
  Tensor encode(Tensor image);
}
