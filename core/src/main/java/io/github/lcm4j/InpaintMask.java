package io.github.lcm4j;

import java.awt.image.BufferedImage;
import java.util.Objects;

/**
 * Where an initial image is to be drawn anew.
 *
 * @param image white (128 to 255) where to draw, black (0 to 127) where to keep; colours count by
 *     their luma, transparency is ignored
 * @param blur radius in pixels of a Gaussian blur of the mask, ≥ 0; it moves the edge that the
 *     model sees and softens the seam of {@code keepUnmasked}
 * @param keepUnmasked whether pixels outside the (blurred) mask are taken from the initial image
 *     bit for bit, and mixed by the mask along a soft edge; otherwise they come out of the
 *     autoencoder, nearly as they went in
 */
public record InpaintMask(BufferedImage image, double blur, boolean keepUnmasked) {

  /** The largest blur radius, as large as a large picture. */
  private static final double MAX_BLUR = 4096;

  /**
   * Checks the blur.
   *
   * @throws IllegalArgumentException if blur is negative or above 4096
   */
  public InpaintMask {
    Objects.requireNonNull(image, "image");
    if (!(blur >= 0 && blur <= MAX_BLUR)) {
      throw new IllegalArgumentException(
          "mask blur must be from 0 to %.0f pixels, found %s".formatted(MAX_BLUR, blur));
    }
  }

  /** A sharp mask. */
  public static InpaintMask of(BufferedImage image) {
    return new InpaintMask(image, 0, false);
  }

  /** This mask with another blur radius in pixels. */
  public InpaintMask blur(double radius) {
    return new InpaintMask(image, radius, keepUnmasked);
  }

  /** This mask with or without the original pixels outside. */
  public InpaintMask keepUnmasked(boolean keep) {
    return new InpaintMask(image, blur, keep);
  }
}
