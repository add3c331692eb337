package io.github.lcm4j.tensor;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;

/**
 * Tensors that end together: their memory is given back when the arena is closed. That of {@link
 * Tensor#allocate} waits for the garbage collector, which does not know how much a small object
 * holds.
 *
 * <p>Safe for use by several threads. Closing it ends all of its tensors: who uses one afterwards
 * reads memory that may be gone.
 */
public final class TensorArena implements AutoCloseable {
  private final List<ByteBuf> memory = new ArrayList<>();
  private boolean closed;

  /** An arena that has taken nothing yet. */
  public TensorArena() {}

  /**
   * A new tensor with any contents.
   *
   * @param dtype element type
   * @param shape extents, each ≥ 0; none for a scalar
   * @return a writable tensor, until the arena is closed
   * @throws IllegalArgumentException if an extent is negative or the size exceeds 2<sup>31</sup>−1
   *     bytes
   * @throws IllegalStateException if the arena is closed
   * @throws OutOfMemoryError if {@code -XX:MaxDirectMemorySize} does not allow it
   */
  public Tensor allocate(DType dtype, long... shape) {
    int bytes = Tensor.checkedByteSize(dtype, shape);
    // Outside the lock: filling new memory with zeros takes a second a gigabyte on some machines.
    ByteBuf taken = Unpooled.directBuffer(bytes, bytes);
    keep(taken);
    return Tensor.wrap(dtype, shape, taken.nioBuffer(0, bytes));
  }

  private synchronized void keep(ByteBuf taken) {
    if (closed) {
      taken.release();
      throw new IllegalStateException("the arena is closed");
    }
    memory.add(taken);
  }

  /** Gives all memory back. */
  @Override
  public synchronized void close() {
    closed = true;
    memory.forEach(ByteBuf::release);
    memory.clear();
  }
}
