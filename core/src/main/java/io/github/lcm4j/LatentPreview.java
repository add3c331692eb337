package io.github.lcm4j;

import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;

/** A cheap picture of latents, to watch a run. */
@FunctionalInterface
public interface LatentPreview {
  /**
   * Draws latents.
   *
   * @param latents float32 {@code [1, channels, height, width]}, as the UNet takes them
   * @return a picture of the latents' size, or of full size if it comes from a tiny autoencoder
   */
  BufferedImage render(Tensor latents);
}
