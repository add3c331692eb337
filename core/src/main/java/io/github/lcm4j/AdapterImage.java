package io.github.lcm4j;

import java.awt.image.BufferedImage;
import java.util.Objects;

/**
 * A picture that steers by a T2I-Adapter: a sketch, a pose, depths, whatever the adapter was
 * trained on.
 *
 * @param image the picture, of the size that is to be drawn; its transparency is ignored
 * @param conditioningScale how strongly it steers: 1 as trained, 0 not at all
 * @param conditioningFactor share of the steps, from the first, that it steers, 0 to 1
 */
public record AdapterImage(
    BufferedImage image, double conditioningScale, double conditioningFactor) {
  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException if the scale is not finite or the factor not within 0 to 1
   */
  public AdapterImage {
    Objects.requireNonNull(image, "image");
    if (!Double.isFinite(conditioningScale)) {
      throw new IllegalArgumentException(
          "conditioningScale must be finite, found " + conditioningScale);
    }
    if (!(conditioningFactor >= 0 && conditioningFactor <= 1)) {
      throw new IllegalArgumentException(
          "conditioningFactor must be from 0 to 1, found " + conditioningFactor);
    }
  }

  /** A picture that steers all steps as trained. */
  public static AdapterImage of(BufferedImage image) {
    return new AdapterImage(image, 1, 1);
  }

  /** This picture steering more or less. */
  public AdapterImage conditioningScale(double value) {
    return new AdapterImage(image, value, conditioningFactor);
  }

  /** This picture steering only a share of the steps. */
  public AdapterImage conditioningFactor(double value) {
    return new AdapterImage(image, conditioningScale, value);
  }
}
