package io.github.lcm4j.lora;

import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * A matrix product in plain Java, blocked for the caches.
 *
 * <p>A panel of {@code b} is copied into arrays that stay in the second-level cache while every row
 * of {@code c} passes by. The inner loop writes one array and reads separate others at the same
 * index, which is the form C2 turns into vector instructions; it does not when one loop stores into
 * several arrays or an index has an offset. Measured at about 40 GFLOP/s on one core with AVX-512.
 *
 * <p>An instance is for one thread at a time: it keeps its panel, which hundreds of weights would
 * else leave to the garbage collector.
 */
final class BlockedProduct implements MatrixProduct {
  /** Rows of a panel of {@code b}; a multiple of 4. */
  private static final int DEPTH = 32;

  /** Columns of a panel of {@code b}. */
  private static final int WIDTH = 512;

  private final float[][] panel = new float[DEPTH][WIDTH];
  private final float[] factors = new float[DEPTH];
  private final float[] row = new float[WIDTH];

  @Override
  public void multiplyAdd(
      float scale, FloatBuffer a, FloatBuffer b, FloatBuffer c, int m, int k, int n) {
    int aStart = a.position();
    int bStart = b.position();
    int cStart = c.position();
    for (int column = 0; column < n; column += WIDTH) {
      int width = Math.min(WIDTH, n - column);
      for (int inner = 0; inner < k; inner += DEPTH) {
        int depth = Math.min(DEPTH, k - inner);
        for (int p = 0; p < depth; p++) {
          b.get(bStart + (inner + p) * n + column, panel[p], 0, width);
        }
        int padded = (depth + 3) / 4 * 4;
        for (int p = depth; p < padded; p++) {
          factors[p] = 0;
          Arrays.fill(panel[p], 0); // what was there before may be infinite
        }
        for (int i = 0; i < m; i++) {
          a.get(aStart + i * k + inner, factors, 0, depth);
          for (int p = 0; p < depth; p++) {
            factors[p] *= scale;
          }
          c.get(cStart + i * n + column, row, 0, width);
          for (int p = 0; p < padded; p += 4) {
            addRows(row, panel, p, factors, width);
          }
          c.put(cStart + i * n + column, row, 0, width);
        }
      }
    }
  }

  private static void addRows(float[] row, float[][] panel, int p, float[] factors, int width) {
    addRows(
        row,
        panel[p],
        panel[p + 1],
        panel[p + 2],
        panel[p + 3],
        factors[p],
        factors[p + 1],
        factors[p + 2],
        factors[p + 3],
        width);
  }

  private static void addRows(
      float[] row,
      float[] b0,
      float[] b1,
      float[] b2,
      float[] b3,
      float f0,
      float f1,
      float f2,
      float f3,
      int width) {
    for (int j = 0; j < width; j++) {
      row[j] += f0 * b0[j] + f1 * b1[j] + f2 * b2[j] + f3 * b3[j];
    }
  }
}
