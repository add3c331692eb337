package io.github.lcm4j.lora;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import io.github.lcm4j.tensor.TensorArena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The memory one folding thread works in: direct buffers that are handed out in order and used
 * again for the next weight, and freed at the end, so that folding leaves no direct memory for the
 * garbage collector to find.
 */
final class Workspace implements AutoCloseable {
  /**
   * Elements the element-wise loops take at a time; three such arrays fit the first-level cache.
   */
  private static final int CHUNK = 2048;

  private final MatrixProduct product;
  private final List<Scratch> buffers = new ArrayList<>();
  private final float[] x = new float[CHUNK];
  private final float[] y = new float[CHUNK];
  private final float[] z = new float[CHUNK];
  private int used;

  /** One buffer, in an arena of its own: it is freed alone when a larger one takes its place. */
  private static final class Scratch {
    private final TensorArena arena = new TensorArena();
    private final ByteBuffer memory;

    Scratch(int bytes) {
      memory = arena.allocate(DType.FLOAT32, (bytes + Float.BYTES - 1) / Float.BYTES).buffer();
    }
  }

  Workspace(MatrixProduct product) {
    this.product = product;
  }

  MatrixProduct product() {
    return product;
  }

  /** Frees all buffers. */
  @Override
  public void close() {
    buffers.forEach(buffer -> buffer.arena.close());
    buffers.clear();
    used = 0;
  }

  /** How many buffers are handed out now. */
  int mark() {
    return used;
  }

  /** Takes back all buffers handed out since {@code mark}; they must not be used any more. */
  void release(int mark) {
    used = mark;
  }

  /** A float32 tensor of {@code count} elements with any contents. */
  Tensor tensor(int count) {
    return tensor(DType.FLOAT32, count);
  }

  /** A tensor of {@code count} elements with any contents. */
  Tensor tensor(DType dtype, int count) {
    int bytes = Math.multiplyExact(count, dtype.byteSize());
    if (used == buffers.size()) {
      buffers.add(new Scratch(bytes));
    } else if (buffers.get(used).memory.capacity() < bytes) {
      buffers.get(used).arena.close();
      buffers.set(used, new Scratch(bytes));
    }
    ByteBuffer buffer = buffers.get(used++).memory.slice(0, bytes).order(ByteOrder.LITTLE_ENDIAN);
    return Tensor.wrap(dtype, new long[] {count}, buffer);
  }

  /** {@code count} floats with any contents. */
  FloatBuffer floats(int count) {
    return tensor(count).floats();
  }

  /** {@code count} zeros. */
  FloatBuffer zeros(int count) {
    FloatBuffer buffer = floats(count);
    fillWithZeros(buffer);
    return buffer;
  }

  void fillWithZeros(FloatBuffer buffer) {
    Arrays.fill(x, 0);
    for (int at = 0; at < buffer.capacity(); at += CHUNK) {
      buffer.put(at, x, 0, Math.min(CHUNK, buffer.capacity() - at));
    }
  }

  /** {@code target += factor · a}, element by element. */
  void addScaled(FloatBuffer target, float factor, FloatBuffer a) {
    for (int at = 0; at < target.capacity(); at += CHUNK) {
      int length = Math.min(CHUNK, target.capacity() - at);
      target.get(at, x, 0, length);
      a.get(at, y, 0, length);
      for (int i = 0; i < length; i++) {
        x[i] += factor * y[i];
      }
      target.put(at, x, 0, length);
    }
  }

  /** {@code target += factor · a ⊙ b}, element by element. */
  void addScaledProduct(FloatBuffer target, float factor, FloatBuffer a, FloatBuffer b) {
    for (int at = 0; at < target.capacity(); at += CHUNK) {
      int length = Math.min(CHUNK, target.capacity() - at);
      target.get(at, x, 0, length);
      a.get(at, y, 0, length);
      b.get(at, z, 0, length);
      for (int i = 0; i < length; i++) {
        x[i] += factor * y[i] * z[i];
      }
      target.put(at, x, 0, length);
    }
  }

  /**
   * The largest magnitude of a buffer as the bits of a float without its sign, which order like the
   * values: 0 if all elements are zero, at least those of infinity if one is infinite or NaN.
   */
  int largestMagnitudeBits(FloatBuffer buffer) {
    Arrays.fill(x, 0);
    int largest0 = 0;
    int largest1 = 0;
    int largest2 = 0;
    int largest3 = 0;
    for (int at = 0; at < buffer.capacity(); at += CHUNK) {
      buffer.get(at, x, 0, Math.min(CHUNK, buffer.capacity() - at)); // the rest was seen or is 0
      for (int i = 0; i < CHUNK; i += 4) {
        largest0 = Math.max(largest0, magnitudeBits(x[i]));
        largest1 = Math.max(largest1, magnitudeBits(x[i + 1]));
        largest2 = Math.max(largest2, magnitudeBits(x[i + 2]));
        largest3 = Math.max(largest3, magnitudeBits(x[i + 3]));
      }
    }
    return Math.max(Math.max(largest0, largest1), Math.max(largest2, largest3));
  }

  private static int magnitudeBits(float value) {
    return Float.floatToRawIntBits(value) & 0x7fffffff;
  }

  /** The transpose of a {@code [rows, columns]} matrix. */
  FloatBuffer transpose(FloatBuffer matrix, int rows, int columns) {
    FloatBuffer transposed = floats(rows * columns);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        transposed.put(j * rows + i, matrix.get(i * columns + j));
      }
    }
    return transposed;
  }
}
