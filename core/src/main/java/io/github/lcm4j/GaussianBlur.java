package io.github.lcm4j;

/**
 * Blurs planes of bytes as Pillow's {@code ImageFilter.GaussianBlur}: three box filters a direction
 * whose edges count by a fraction (Gwosdek et al. 2011, "Theoretical Foundations of Gaussian
 * Convolution by Extended Box Filtering"), in its fixed-point arithmetic; beyond the border the
 * outermost sample goes on.
 */
final class GaussianBlur {
  private static final int PASSES = 3;
  private static final int PRECISION = 24;

  private GaussianBlur() {}

  /**
   * Blurs.
   *
   * @param radius standard deviation in samples, ≥ 0
   */
  static byte[] blur(byte[] plane, int width, int height, double radius) {
    if (radius == 0) {
      return plane;
    }
    float boxRadius = boxRadius((float) radius);
    byte[] result = plane.clone();
    byte[] line = new byte[width];
    for (int y = 0; y < height; y++) {
      System.arraycopy(result, y * width, line, 0, width);
      System.arraycopy(filter(line, boxRadius), 0, result, y * width, width);
    }
    line = new byte[height];
    for (int x = 0; x < width; x++) {
      for (int y = 0; y < height; y++) {
        line[y] = result[y * width + x];
      }
      byte[] filtered = filter(line, boxRadius);
      for (int y = 0; y < height; y++) {
        result[y * width + x] = filtered[y];
      }
    }
    return result;
  }

  /** The radius of a box that, applied three times, has the deviation of the Gaussian. */
  private static float boxRadius(float radius) {
    float variance = radius * radius / PASSES;
    float length = (float) Math.sqrt(12.0 * variance + 1.0);
    float whole = (float) Math.floor((length - 1.0) / 2.0);
    float fraction = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance);
    fraction /= 6 * (variance - (whole + 1) * (whole + 1));
    return whole + fraction;
  }

  private static byte[] filter(byte[] line, float radius) {
    byte[] from = line;
    for (int pass = 0; pass < PASSES; pass++) {
      from = box(from, radius);
    }
    return from;
  }

  private static byte[] box(byte[] line, float radius) {
    int whole = (int) radius;
    int last = line.length - 1;
    // Weight of a sample inside the box, and of the two at its edges.
    long inner = (long) ((1 << PRECISION) / (radius * 2 + 1));
    long edge = ((1 << PRECISION) - (whole * 2 + 1) * inner) / 2;
    long sum = 0;
    for (int i = -whole; i <= whole; i++) {
      sum += line[clamp(i, last)] & 255;
    }
    byte[] result = new byte[line.length];
    for (int i = 0; i <= last; i++) {
      int before = line[clamp(i - whole - 1, last)] & 255;
      int after = line[clamp(i + whole + 1, last)] & 255;
      long bulk = sum * inner + (before + after) * edge;
      result[i] = (byte) (bulk + (1 << PRECISION - 1) >> PRECISION);
      sum += after - (line[clamp(i - whole, last)] & 255);
    }
    return result;
  }

  private static int clamp(int index, int last) {
    return Math.min(last, Math.max(0, index));
  }
}
