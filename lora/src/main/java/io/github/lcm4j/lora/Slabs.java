package io.github.lcm4j.lora;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import io.github.lcm4j.tensor.TensorArena;
import org.jspecify.annotations.Nullable;

/**
 * Plans where folded weights are to lie: many together in a few large pieces of memory, each taken
 * when the first of its weights is done. Weight by weight, C libraries would keep what was freed
 * for themselves, in holes that the next weights do not fit.
 */
final class Slabs {
  /** Above the 32 MB from which on even the GNU C library gives freed memory back. */
  private static final long BYTES = 64 << 20;

  /** A line of the cache, where vector instructions like their operands. */
  private static final int ALIGNMENT = 64;

  private final TensorArena arena;
  private long rest;
  private Slab slab;

  /**
   * No plan yet.
   *
   * @param arena has the memory
   * @param total size of all weights that are to come, so that no small piece is left at the end
   */
  Slabs(TensorArena arena, long total) {
    this.arena = arena;
    this.rest = total;
    this.slab = new Slab(arena);
  }

  private static final class Slab {
    private final TensorArena arena;
    private int size;
    private @Nullable Tensor memory;

    Slab(TensorArena arena) {
      this.arena = arena;
    }

    synchronized Tensor memory() {
      if (memory == null) {
        memory = arena.allocate(DType.FLOAT32, size / Float.BYTES);
      }
      return memory;
    }
  }

  /**
   * Plans a weight.
   *
   * @param bytes its size, less than 2<sup>31</sup>
   * @return where it is going to be; to be asked only when all are planned
   */
  WeightFolder.Memory add(long bytes) {
    long aligned = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (slab.size >= BYTES && rest >= BYTES || slab.size + aligned > Integer.MAX_VALUE) {
      slab = new Slab(arena);
    }
    Slab its = slab;
    int offset = its.size;
    its.size += (int) Math.min(aligned, Integer.MAX_VALUE - its.size);
    rest -= bytes;
    return (dtype, shape) ->
        Tensor.wrap(dtype, shape, its.memory().buffer().slice(offset, (int) bytes));
  }
}
