package io.github.lcm4j;

import java.awt.image.BufferedImage;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A picture to start from (SDEdit, Meng et al. 2022): image to image, and with a mask inpainting.
 *
 * @param image the picture, of the size that is to be drawn; its transparency is ignored
 * @param strength how much of it is to change, above 0 (nearly nothing) to 1 (nearly everything)
 * @param strengthMode what strength does to the schedule, or null for what diffusers does with the
 *     model: {@link StrengthMode#LCM} for a full LCM with a scheduler that reads strength, else
 *     {@link StrengthMode#CUT_SCHEDULE}
 * @param mask where to draw anew, or null for everywhere
 */
public record InitImage(
    BufferedImage image,
    double strength,
    @Nullable StrengthMode strengthMode,
    @Nullable InpaintMask mask) {

  /**
   * Checks what can be checked without a model.
   *
   * @throws IllegalArgumentException if strength is out of range or the mask has another size than
   *     the image
   */
  public InitImage {
    Objects.requireNonNull(image, "image");
    if (!(strength > 0 && strength <= 1)) {
      throw new IllegalArgumentException(
          "strength must be above 0 and at most 1, found " + strength);
    }
    if (mask != null
        && (mask.image().getWidth() != image.getWidth()
            || mask.image().getHeight() != image.getHeight())) {
      throw new IllegalArgumentException(
          "the mask is %s, the initial image %s; both must have the same size"
              .formatted(Images.size(mask.image()), Images.size(image)));
    }
  }

  /**
   * A picture to change as a whole.
   *
   * @param image the picture
   * @param strength above 0 to 1
   */
  public static InitImage of(BufferedImage image, double strength) {
    return new InitImage(image, strength, null, null);
  }

  /** This picture with a choice of what strength does. */
  public InitImage strengthMode(@Nullable StrengthMode value) {
    return new InitImage(image, strength, value, mask);
  }

  /** This picture with a mask: inpainting. */
  public InitImage mask(@Nullable InpaintMask value) {
    return new InitImage(image, strength, strengthMode, value);
  }
}
