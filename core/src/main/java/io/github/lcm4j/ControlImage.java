package io.github.lcm4j;

import java.awt.image.BufferedImage;
import java.util.Objects;

/**
 * A picture that steers by a ControlNet: edges, a pose, depths, whatever the ControlNet was trained
 * on.
 *
 * @param image the picture, of the size that is to be drawn; its transparency is ignored
 * @param conditioningScale how strongly it steers: 1 as trained, 0 not at all
 * @param guidanceStart share of the steps after which it begins to steer, 0 to below the end
 * @param guidanceEnd share of the steps after which it no longer steers, to 1
 */
public record ControlImage(
    BufferedImage image, double conditioningScale, double guidanceStart, double guidanceEnd) {
  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException if the scale is not finite, or start and end are not in order
   *     within 0 to 1
   */
  public ControlImage {
    Objects.requireNonNull(image, "image");
    if (!Double.isFinite(conditioningScale)) {
      throw new IllegalArgumentException(
          "conditioningScale must be finite, found " + conditioningScale);
    }
    if (!(guidanceStart >= 0 && guidanceStart < guidanceEnd && guidanceEnd <= 1)) {
      throw new IllegalArgumentException(
          "guidanceStart must be at least 0 and below guidanceEnd, which is at most 1; found %s, %s"
              .formatted(guidanceStart, guidanceEnd));
    }
  }

  /** A picture that steers all steps as trained. */
  public static ControlImage of(BufferedImage image) {
    return new ControlImage(image, 1, 0, 1);
  }

  /** This picture steering more or less. */
  public ControlImage conditioningScale(double value) {
    return new ControlImage(image, value, guidanceStart, guidanceEnd);
  }

  /** This picture steering only a part of the steps. */
  public ControlImage guidance(double start, double end) {
    return new ControlImage(image, conditioningScale, start, end);
  }
}
