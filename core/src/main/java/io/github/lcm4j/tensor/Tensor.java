package io.github.lcm4j.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;

/**
 * A dense row-major tensor: an element type, a shape and a direct little-endian buffer.
 *
 * <p>The shape never changes; the contents may be written through the buffer views, and a tensor
 * over a memory-mapped file is read-only. A tensor holds at most 2<sup>31</sup>−1 bytes. Tensors
 * are not synchronised: publish them safely before sharing them between threads.
 */
public final class Tensor {
  private final DType dtype;
  private final long[] shape;
  private final ByteBuffer buffer;

  private Tensor(DType dtype, long[] shape, ByteBuffer buffer) {
    this.dtype = dtype;
    this.shape = shape;
    this.buffer = buffer;
  }

  /**
   * A new tensor of zeros.
   *
   * @param dtype element type
   * @param shape extents, each ≥ 0; none for a scalar
   * @return a writable tensor over a new direct buffer
   * @throws IllegalArgumentException if an extent is negative or the size exceeds 2<sup>31</sup>−1
   *     bytes
   */
  public static Tensor allocate(DType dtype, long... shape) {
    int bytes = checkedByteSize(dtype, shape);
    return new Tensor(
        dtype, shape.clone(), ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN));
  }

  /**
   * A view of existing memory; nothing is copied.
   *
   * @param dtype element type
   * @param shape extents
   * @param buffer direct buffer whose remaining bytes are exactly the tensor's
   * @return a tensor over {@code buffer} from its position to its limit
   * @throws IllegalArgumentException if the buffer is not direct or has another size
   */
  public static Tensor wrap(DType dtype, long[] shape, ByteBuffer buffer) {
    int bytes = checkedByteSize(dtype, shape);
    if (!buffer.isDirect()) {
      throw new IllegalArgumentException("a tensor needs a direct buffer, found a heap buffer");
    }
    if (buffer.remaining() != bytes) {
      throw new IllegalArgumentException(
          "a %s tensor of shape %s takes %d bytes, the buffer has %d"
              .formatted(dtype, Arrays.toString(shape), bytes, buffer.remaining()));
    }
    return new Tensor(dtype, shape.clone(), buffer.slice().order(ByteOrder.LITTLE_ENDIAN));
  }

  /**
   * A float32 tensor with the given elements.
   *
   * @param values elements in row-major order
   * @param shape extents whose product is {@code values.length}
   * @return a new tensor
   */
  public static Tensor of(float[] values, long... shape) {
    requireCount(values.length, shape);
    Tensor tensor = allocate(DType.FLOAT32, shape);
    tensor.floats().put(values);
    return tensor;
  }

  /**
   * An int64 tensor with the given elements.
   *
   * @param values elements in row-major order
   * @param shape extents whose product is {@code values.length}
   * @return a new tensor
   */
  public static Tensor of(long[] values, long... shape) {
    requireCount(values.length, shape);
    Tensor tensor = allocate(DType.INT64, shape);
    tensor.longs().put(values);
    return tensor;
  }

  /** Element type. */
  public DType dtype() {
    return dtype;
  }

  /** A copy of the extents; empty for a scalar. */
  public long[] shape() {
    return shape.clone();
  }

  /** Number of axes. */
  public int rank() {
    return shape.length;
  }

  /**
   * Extent of one axis.
   *
   * @param axis 0 ≤ axis &lt; rank
   */
  public long dimension(int axis) {
    return shape[axis];
  }

  /** Number of elements. */
  public int elementCount() {
    return buffer.capacity() / dtype.byteSize();
  }

  /** Size in bytes. */
  public int byteSize() {
    return buffer.capacity();
  }

  /** The whole contents as a new little-endian view; read-only if the memory is. */
  public ByteBuffer buffer() {
    return buffer.duplicate().order(ByteOrder.LITTLE_ENDIAN).clear();
  }

  /**
   * The elements of a float32 tensor as a new view.
   *
   * @throws IllegalStateException if the tensor has another type
   */
  public FloatBuffer floats() {
    require(DType.FLOAT32);
    return buffer().asFloatBuffer();
  }

  /**
   * The elements of an int64 tensor as a new view.
   *
   * @throws IllegalStateException if the tensor has another type
   */
  public LongBuffer longs() {
    require(DType.INT64);
    return buffer().asLongBuffer();
  }

  /**
   * The elements of an int32 tensor as a new view.
   *
   * @throws IllegalStateException if the tensor has another type
   */
  public IntBuffer ints() {
    require(DType.INT32);
    return buffer().asIntBuffer();
  }

  /**
   * The elements of a floating-point tensor, widened to float32, as a new array.
   *
   * @throws IllegalStateException if the tensor is not floating-point
   */
  public float[] toFloatArray() {
    return Conversions.toFloatArray(this);
  }

  /**
   * This tensor in float32.
   *
   * @return this tensor if it is float32 already, else a widened copy
   * @throws IllegalStateException if the tensor is not floating-point
   */
  public Tensor toFloat32() {
    return Conversions.cast(this, DType.FLOAT32);
  }

  /**
   * This floating-point tensor cast to a floating-point type, rounding to nearest even.
   *
   * @param target a floating-point type
   * @return this tensor if it has that type already, else a copy
   * @throws IllegalStateException if the tensor or the target is not floating-point
   */
  public Tensor cast(DType target) {
    return Conversions.cast(this, target);
  }

  /**
   * Casts this floating-point tensor into the memory of another, rounding to nearest even.
   *
   * @param target a writable floating-point tensor with as many elements, not overlapping this one
   * @throws IllegalStateException if either tensor is not floating-point
   * @throws IllegalArgumentException if the element counts differ
   */
  public void castInto(Tensor target) {
    Conversions.castInto(this, target);
  }

  /**
   * The same memory under another shape.
   *
   * @param newShape extents with the same product
   * @return a view sharing this tensor's memory
   * @throws IllegalArgumentException if the element counts differ
   */
  public Tensor reshape(long... newShape) {
    requireCount(elementCount(), newShape);
    return new Tensor(dtype, newShape.clone(), buffer);
  }

  /**
   * Rows {@code [from, to)} of the first axis.
   *
   * @param from first row
   * @param to row after the last
   * @return a view sharing this tensor's memory
   * @throws IndexOutOfBoundsException if the range is not inside the first axis
   */
  public Tensor rows(int from, int to) {
    if (shape.length == 0 || from < 0 || to < from || to > shape[0]) {
      throw new IndexOutOfBoundsException(
          "rows %d to %d of a tensor of shape %s".formatted(from, to, Arrays.toString(shape)));
    }
    long[] part = shape.clone();
    part[0] = to - from;
    int rowBytes = shape[0] == 0 ? 0 : (int) (buffer.capacity() / shape[0]);
    return new Tensor(
        dtype,
        part,
        buffer.slice(from * rowBytes, (to - from) * rowBytes).order(ByteOrder.LITTLE_ENDIAN));
  }

  /** A writable copy in new direct memory. */
  public Tensor copy() {
    Tensor copy = allocate(dtype, shape);
    copy.buffer().put(buffer());
    return copy;
  }

  /** Type and shape, for messages. */
  @Override
  public String toString() {
    return dtype + Arrays.toString(shape);
  }

  private void require(DType expected) {
    if (dtype != expected) {
      throw new IllegalStateException("expected a " + expected + " tensor, found " + this);
    }
  }

  private static void requireCount(long count, long[] shape) {
    long product = elementCount(shape);
    if (product != count) {
      throw new IllegalArgumentException(
          "shape %s has %d elements, found %d".formatted(Arrays.toString(shape), product, count));
    }
  }

  static int checkedByteSize(DType dtype, long[] shape) {
    long count = elementCount(shape);
    if (count > Integer.MAX_VALUE / dtype.byteSize()) {
      throw new IllegalArgumentException(
          "a %s tensor of shape %s is larger than 2 GiB, the most one tensor can hold"
              .formatted(dtype, Arrays.toString(shape)));
    }
    return (int) count * dtype.byteSize();
  }

  /** The product of the extents, at most {@code Long.MAX_VALUE}; 0 if any is 0. */
  private static long elementCount(long[] shape) {
    long count = 1;
    boolean empty = false;
    for (long extent : shape) {
      if (extent < 0) {
        throw new IllegalArgumentException("negative extent in shape " + Arrays.toString(shape));
      }
      empty |= extent == 0;
      count = extent != 0 && count > Long.MAX_VALUE / extent ? Long.MAX_VALUE : count * extent;
    }
    return empty ? 0 : count;
  }
}
