package io.github.lcm4j;

/**
 * Resizes planes of bytes with a Lanczos window of three lobes, in the fixed-point arithmetic of
 * Pillow: along the rows first, rounded to bytes, then along the columns.
 */
final class LanczosFilter {
  private static final int LOBES = 3;

  /** Fraction bits: 8 bits of sample and 2 of overshoot leave 22 of an int. */
  private static final int PRECISION = 22;

  /** Which samples make one resized sample, and their weights. */
  private record Taps(int first, int[] weights) {}

  private LanczosFilter() {}

  static byte[] resize(byte[] plane, int width, int height, int newWidth, int newHeight) {
    byte[] rows = plane;
    if (newWidth != width) {
      Taps[] taps = taps(width, newWidth);
      rows = new byte[newWidth * height];
      for (int y = 0; y < height; y++) {
        for (int x = 0; x < newWidth; x++) {
          rows[y * newWidth + x] = apply(taps[x], plane, y * width, 1);
        }
      }
    }
    if (newHeight == height) {
      return rows;
    }
    Taps[] taps = taps(height, newHeight);
    byte[] result = new byte[newWidth * newHeight];
    for (int y = 0; y < newHeight; y++) {
      for (int x = 0; x < newWidth; x++) {
        result[y * newWidth + x] = apply(taps[y], rows, x, newWidth);
      }
    }
    return result;
  }

  private static byte apply(Taps taps, byte[] samples, int start, int stride) {
    int sum = 1 << PRECISION - 1;
    int position = start + taps.first() * stride;
    for (int weight : taps.weights()) {
      sum += weight * (samples[position] & 255);
      position += stride;
    }
    return (byte) Math.min(255, Math.max(0, sum >> PRECISION));
  }

  private static Taps[] taps(int size, int newSize) {
    double scale = (double) size / newSize;
    double stretch = Math.max(scale, 1);
    double support = LOBES * stretch;
    Taps[] taps = new Taps[newSize];
    for (int i = 0; i < newSize; i++) {
      double center = (i + 0.5) * scale;
      int first = Math.max(0, (int) (center - support + 0.5));
      int end = Math.min(size, (int) (center + support + 0.5));
      double[] values = new double[end - first];
      double sum = 0;
      for (int k = 0; k < values.length; k++) {
        values[k] = lanczos((k + first - center + 0.5) / stretch);
        sum += values[k];
      }
      int[] weights = new int[values.length];
      for (int k = 0; k < values.length; k++) {
        double weight = values[k] / sum * (1 << PRECISION);
        weights[k] = (int) (weight < 0 ? weight - 0.5 : weight + 0.5);
      }
      taps[i] = new Taps(first, weights);
    }
    return taps;
  }

  private static double lanczos(double x) {
    return x >= -LOBES && x < LOBES ? sinc(x) * sinc(x / LOBES) : 0;
  }

  private static double sinc(double x) {
    return x == 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
  }
}
