package io.github.lcm4j.onnx.export;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.nio.ShortBuffer;

/** Matrix transposition, tile by tile so that both sides stay in the cache. */
final class Transposition {
  private static final int TILE = 64;

  /** Rows of a tile lie apart by no power of two, or they would push each other from the cache. */
  private static final int STRIDE = TILE + 16;

  private Transposition() {}

  /**
   * The transpose of a matrix of floating-point numbers.
   *
   * @param matrix {@code [rows, columns]}
   * @return a new tensor {@code [columns, rows]} of the same type
   */
  static Tensor transpose(Tensor matrix) {
    int rows = (int) matrix.dimension(0);
    int columns = (int) matrix.dimension(1);
    Tensor result = Tensor.allocate(matrix.dtype(), columns, rows);
    ByteBuffer from = matrix.buffer();
    ByteBuffer to = result.buffer();
    if (matrix.dtype() == DType.FLOAT32) {
      transpose(from.asIntBuffer(), to.asIntBuffer(), rows, columns);
    } else {
      transpose(from.asShortBuffer(), to.asShortBuffer(), rows, columns);
    }
    return result;
  }

  // The two methods differ only in the element's type, over which Java cannot abstract without
  // boxing. Rows are moved in bulk; the scattered half of the work is done in small arrays.

  private static void transpose(IntBuffer from, IntBuffer to, int rows, int columns) {
    int[] read = new int[TILE];
    int[] tile = new int[TILE * STRIDE];
    for (int top = 0; top < rows; top += TILE) {
      int height = Math.min(TILE, rows - top);
      for (int left = 0; left < columns; left += TILE) {
        int width = Math.min(TILE, columns - left);
        for (int row = 0; row < height; row++) {
          from.get((top + row) * columns + left, read, 0, width);
          for (int column = 0; column < width; column++) {
            tile[column * STRIDE + row] = read[column];
          }
        }
        for (int column = 0; column < width; column++) {
          to.put((left + column) * rows + top, tile, column * STRIDE, height);
        }
      }
    }
  }

  private static void transpose(ShortBuffer from, ShortBuffer to, int rows, int columns) {
    short[] read = new short[TILE];
    short[] tile = new short[TILE * STRIDE];
    for (int top = 0; top < rows; top += TILE) {
      int height = Math.min(TILE, rows - top);
      for (int left = 0; left < columns; left += TILE) {
        int width = Math.min(TILE, columns - left);
        for (int row = 0; row < height; row++) {
          from.get((top + row) * columns + left, read, 0, width);
          for (int column = 0; column < width; column++) {
            tile[column * STRIDE + row] = read[column];
          }
        }
        for (int column = 0; column < width; column++) {
          to.put((left + column) * rows + top, tile, column * STRIDE, height);
        }
      }
    }
  }
}
