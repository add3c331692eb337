package io.github.lcm4j.onnx.graph;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.FloatBuffer;

/**
 * Minimal filtering (Winograd 1980; Lavin and Gray 2015): a 3×3 convolution of stride 1 as {@code Y
 * = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A} over tiles of m×m outputs, which takes (m + 2)² multiplications where
 * the sum takes 9m². The products over the channels become one matrix product for each place of the
 * transformed tile.
 *
 * <p>Larger tiles save more time, and take more memory for the transformed filters and more of
 * float32's digits.
 */
public enum Winograd {
  /** F(2×2, 3×3): 2.25 times fewer multiplications, filters 1.8 times as large. */
  F2(
      2,
      new double[][] {{1, 1, 1, 0}, {0, 1, -1, -1}},
      new double[][] {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}},
      new double[][] {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}}),

  /** F(4×4, 3×3): 4 times fewer multiplications, filters 4 times as large. */
  F4(
      4,
      new double[][] {
        {1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}
      },
      new double[][] {
        {1 / 4.0, 0, 0},
        {-1 / 6.0, -1 / 6.0, -1 / 6.0},
        {-1 / 6.0, 1 / 6.0, -1 / 6.0},
        {1 / 24.0, 1 / 12.0, 1 / 6.0},
        {1 / 24.0, -1 / 12.0, 1 / 6.0},
        {0, 0, 1}
      },
      new double[][] {
        {4, 0, -5, 0, 1, 0},
        {0, -4, -4, 1, 1, 0},
        {0, 4, -4, -1, 1, 0},
        {0, -2, -1, 2, 1, 0},
        {0, 2, -1, -2, 1, 0},
        {0, 4, 0, -5, 0, 1}
      });

  private static final int TAPS = 9;

  private final int tile;
  private final double[][] output;
  private final double[][] filter;
  private final double[][] input;

  Winograd(int tile, double[][] output, double[][] filter, double[][] input) {
    this.tile = tile;
    this.output = output;
    this.filter = filter;
    this.input = input;
  }

  /** m: outputs of a tile, per side. */
  int tile() {
    return tile;
  }

  /** m + 2: inputs of a tile, per side. */
  int patch() {
    return tile + 2;
  }

  /** Bᵀ⊗Bᵀ as the filters of a convolution over patches: {@code [patch², 1, patch, patch]}. */
  float[] inputTransform() {
    return kronecker(input);
  }

  /** Aᵀ⊗Aᵀ: {@code [tile², patch²]}. */
  float[] outputTransform() {
    return kronecker(output);
  }

  private static float[] kronecker(double[][] matrix) {
    int rows = matrix.length;
    int columns = matrix[0].length;
    float[] product = new float[rows * rows * columns * columns];
    int next = 0;
    for (double[] up : matrix) {
      for (double[] across : matrix) {
        for (double a : up) {
          for (double b : across) {
            product[next++] = (float) (a * b);
          }
        }
      }
    }
    return product;
  }

  /**
   * Transforms filters, {@code G g Gᵀ} of each.
   *
   * @param filters {@code [out, in, 3, 3]}, floating-point
   * @return float32 {@code [1, patch², out, in]}
   */
  public Tensor transform(Tensor filters) {
    int out = Math.toIntExact(filters.dimension(0));
    int in = Math.toIntExact(filters.dimension(1));
    Tensor result = Tensor.allocate(DType.FLOAT32, 1, (long) patch() * patch(), out, in);
    FloatBuffer planes = result.floats();
    Rows rows = new Rows(this, in);
    for (int o = 0; o < out; o++) {
      rows.transform(filters.rows(o, o + 1));
      for (int place = 0; place < rows.places.length; place++) {
        planes.put((place * out + o) * in, rows.places[place]);
      }
    }
    return result;
  }

  /** One output channel's filters, by tap and by place of the patch; loops run over channels. */
  private static final class Rows {
    private final float[][] filter;
    private final float[] raw;
    private final float[][] taps;
    private final float[][] half;
    private final float[][] places;

    Rows(Winograd form, int in) {
      filter = new float[form.patch()][];
      for (int row = 0; row < filter.length; row++) {
        filter[row] = new float[3];
        for (int tap = 0; tap < 3; tap++) {
          filter[row][tap] = (float) form.filter[row][tap];
        }
      }
      raw = new float[TAPS * in];
      taps = new float[TAPS][in];
      half = new float[filter.length * 3][in];
      places = new float[filter.length * filter.length][in];
    }

    void transform(Tensor filters) {
      filters.toFloat32().floats().get(0, raw);
      for (int i = 0; i < taps[0].length; i++) {
        for (int tap = 0; tap < TAPS; tap++) {
          taps[tap][i] = raw[i * TAPS + tap];
        }
      }
      for (int row = 0; row < filter.length; row++) {
        for (int column = 0; column < 3; column++) {
          combine(
              filter[row],
              taps[column],
              taps[3 + column],
              taps[6 + column],
              half[row * 3 + column]);
        }
      }
      for (int row = 0; row < filter.length; row++) {
        for (int column = 0; column < filter.length; column++) {
          combine(
              filter[column],
              half[row * 3],
              half[row * 3 + 1],
              half[row * 3 + 2],
              places[row * filter.length + column]);
        }
      }
    }

    private static void combine(float[] by, float[] a, float[] b, float[] c, float[] into) {
      float first = by[0];
      float second = by[1];
      float third = by[2];
      for (int i = 0; i < into.length; i++) {
        into[i] = first * a[i] + second * b[i] + third * c[i];
      }
    }
  }
}
