package io.github.lcm4j.onnx.graph;

/**
 * Minimal filtering (Winograd 1980; Lavin and Gray 2015): a 3×3 convolution of stride 1 as {@code Y
 * = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A} over tiles of m×m outputs, which takes fewer multiplications than the
 * sum's 9m². The products over the channels become one matrix product for each place of the
 * transformed tile.
 */
enum Winograd {
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
      }),

  /**
   * A convolution behind nearest-neighbour upsampling by two, on the picture before it: 5.76 times
   * fewer multiplications, filters 2.8 times as large. Even outputs are a filter of two taps {@code
   * g₀, g₁ + g₂} and odd ones one of {@code g₀ + g₁, g₂}. Of two of each, by Toom and Cook at the
   * points 0, ∞, 1 and −1: at 0 only the even ones have a part, at ∞ only the odd ones, and at 1
   * both filters are s, the sum of the taps. {@code y₀ … y₃} are then sums of {@code g₀ (x₀ − x₂)},
   * {@code s (x₁ + x₂)/2}, {@code (g₀ − g₁ − g₂)(x₂ − x₁)/2}, {@code (g₀ + g₁ − g₂)(x₂ − x₁)/2} and
   * {@code g₂ (x₃ − x₁)}.
   */
  UPSAMPLED(
      4,
      new double[][] {{1, 1, 1, 0, 0}, {0, 1, 0, -1, 0}, {0, 1, -1, 0, 0}, {0, 1, 0, 1, 1}},
      new double[][] {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, -0.5}, {0.5, 0.5, -0.5}, {0, 0, 1}},
      new double[][] {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}});

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

  /** Inputs of a tile, per side; it begins one before those it steps over, and ends one after. */
  int patch() {
    return input[0].length;
  }

  /** Inputs from one tile to the next. */
  int stride() {
    return patch() - 2;
  }

  /** Outputs for an input, per side. */
  int scale() {
    return tile / stride();
  }

  /** Places of a transformed tile. */
  int places() {
    return input.length * input.length;
  }

  /** Bᵀ⊗Bᵀ as the filters of a convolution over patches: {@code [places, 1, patch, patch]}. */
  float[] inputTransform() {
    return kronecker(input);
  }

  /** G⊗G: {@code [places, 9]}. */
  float[] filterTransform() {
    return kronecker(filter);
  }

  /** Aᵀ⊗Aᵀ: {@code [tile², places]}. */
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
}
