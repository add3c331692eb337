package io.github.lcm4j;

import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.nio.FloatBuffer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A {@link LinearPreview} for latents that no map is published for: fitted, at the first preview,
 * to what the model's own autoencoder makes of squares of random latents (least squares). Safe for
 * use by several threads.
 */
final class FittedPreview implements LatentPreview {
  private static final int SQUARES = 8;

  /** Cells a square has per side; those inside are little changed by its neighbours. */
  private static final int CELLS = 4;

  private final int channels;
  private final UnaryOperator<Tensor> decoder;
  private @Nullable LinearPreview fitted;

  /**
   * A preview that is not fitted yet.
   *
   * @param channels channels of the latents
   * @param decoder the UNet's latents to a picture, −1 to 1
   */
  FittedPreview(int channels, UnaryOperator<Tensor> decoder) {
    this.channels = channels;
    this.decoder = decoder;
  }

  @Override
  public BufferedImage render(Tensor latents) {
    return fitted().render(latents);
  }

  private synchronized LinearPreview fitted() {
    if (fitted == null) {
      fitted = fit();
    }
    return fitted;
  }

  private LinearPreview fit() {
    float[] squares = new TorchRandom(0).randn(channels, SQUARES, SQUARES).toFloatArray();
    int size = SQUARES * CELLS;
    Tensor latents = Tensor.allocate(DType.FLOAT32, 1, channels, size, size);
    FloatBuffer cells = latents.floats();
    for (int i = 0; i < cells.capacity(); i++) {
      int square = i / size % size / CELLS * SQUARES + i % size / CELLS;
      cells.put(i, squares[i / (size * size) * SQUARES * SQUARES + square]);
    }
    Tensor picture = decoder.apply(latents);
    int colours = (int) picture.dimension(1);
    // The normal equations of colour = bias + Σ factor·channel, one right side a colour.
    double[][] equations = new double[channels + 1][channels + 1 + colours];
    double[] row = new double[channels + 1 + colours];
    for (int square = 0; square < SQUARES * SQUARES; square++) {
      for (int channel = 0; channel < channels; channel++) {
        row[channel] = squares[channel * SQUARES * SQUARES + square];
      }
      row[channels] = 1;
      for (int colour = 0; colour < colours; colour++) {
        row[channels + 1 + colour] = colourOf(picture, colour, square);
      }
      for (int i = 0; i <= channels; i++) {
        for (int j = 0; j < row.length; j++) {
          equations[i][j] += row[i] * row[j];
        }
      }
    }
    solve(equations);
    float[][] factors = new float[colours][channels];
    float[] biases = new float[colours];
    for (int colour = 0; colour < colours; colour++) {
      for (int channel = 0; channel < channels; channel++) {
        factors[colour][channel] = (float) equations[channel][channels + 1 + colour];
      }
      biases[colour] = (float) equations[channels][channels + 1 + colour];
    }
    return new LinearPreview(factors, biases);
  }

  /** The mean of the inner quarter of a square, 0…255. */
  private static double colourOf(Tensor picture, int colour, int square) {
    FloatBuffer values = picture.floats();
    int width = (int) picture.dimension(3);
    int side = width / SQUARES;
    int top = square / SQUARES * side + side / 4;
    int left = square % SQUARES * side + side / 4;
    double sum = 0;
    for (int y = top; y < top + side / 2; y++) {
      for (int x = left; x < left + side / 2; x++) {
        float value = values.get((colour * (int) picture.dimension(2) + y) * width + x);
        sum += Math.min(1, Math.max(-1, value));
      }
    }
    return (sum / (side / 2) / (side / 2) + 1) * 255 / 2;
  }

  /** Gauss and Jordan, without exchanging rows: the matrix is positive definite. */
  private static void solve(double[][] rows) {
    for (int pivot = 0; pivot < rows.length; pivot++) {
      double diagonal = rows[pivot][pivot];
      for (int j = 0; j < rows[pivot].length; j++) {
        rows[pivot][j] /= diagonal;
      }
      for (int i = 0; i < rows.length; i++) {
        double factor = rows[i][pivot];
        for (int j = 0; i != pivot && j < rows[i].length; j++) {
          rows[i][j] -= factor * rows[pivot][j];
        }
      }
    }
  }
}
