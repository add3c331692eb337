package io.github.lcm4j.lora;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.Arrays;

/** A tensor of a LoRA file, read as a matrix: the first axis by all the others. */
final class Factor {
  private static final int INFINITY_BITS = 0x7f800000;

  private final LoraFile file;
  private final LoraKey key;
  private final long[] shape;

  Factor(LoraFile file, LoraKey key) {
    this.file = file;
    this.key = key;
    this.shape = file.info(key).shape();
  }

  /** Values and whether all of them are zero. */
  record Values(FloatBuffer floats, boolean isZero) {}

  LoraKey key() {
    return key;
  }

  long[] shape() {
    return shape;
  }

  /** Extent of the first axis; 1 for a scalar. */
  int rows() {
    return shape.length == 0 ? 1 : (int) shape[0];
  }

  /** Product of the other extents. */
  int columns() {
    long columns = 1;
    for (int i = 1; i < shape.length; i++) {
      columns *= shape[i];
    }
    return (int) columns;
  }

  /**
   * All elements in float32. They are read, not mapped: the pages of a mapping would stay in the
   * process's memory.
   *
   * @throws LoraException if one is NaN or infinite, or the type is not floating-point
   * @throws IOException if the file cannot be read
   */
  Values load(Workspace workspace) throws IOException {
    return loadRows(0, rows(), workspace);
  }

  /** Some rows in float32, otherwise like {@link #load(Workspace)}. */
  Values loadRows(int from, int to, Workspace workspace) throws IOException {
    DType dtype = file.info(key).dtype();
    if (dtype == null || !dtype.isFloating()) {
      throw fault("expected a floating-point tensor, found " + file.tensor(key));
    }
    int count = (to - from) * columns();
    Tensor wide = workspace.tensor(count);
    Tensor stored = dtype == DType.FLOAT32 ? wide : workspace.tensor(dtype, count);
    file.read(key, (long) from * columns(), stored);
    if (stored != wide) {
      stored.castInto(wide);
    }
    FloatBuffer floats = wide.floats();
    int largest = workspace.largestMagnitudeBits(floats);
    if (largest >= INFINITY_BITS) {
      for (int i = 0; ; i++) {
        if (!Float.isFinite(floats.get(i))) {
          throw fault(
              "expected finite numbers, found %s at element %d of %s"
                  .formatted(floats.get(i), (long) from * columns() + i, Arrays.toString(shape)));
        }
      }
    }
    return new Values(floats, largest == 0);
  }

  /** An error about this tensor. */
  LoraException fault(String message) {
    return new LoraException(file.file(), key.name(), message);
  }

  /** An error about this tensor's shape. */
  LoraException misshapen(String expected) {
    return fault("expected %s, found %s".formatted(expected, Arrays.toString(shape)));
  }

  @Override
  public String toString() {
    return key.name() + Arrays.toString(shape);
  }
}
