package io.github.lcm4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class TensorArenaTest {
  @Test
  void tensorsDoNotOverlap() {
    try (TensorArena arena = new TensorArena()) {
      Tensor floats = arena.allocate(DType.FLOAT32, 2, 3);
      Tensor longs = arena.allocate(DType.INT64, 4);
      floats.floats().put(new float[] {1, 2, 3, 4, 5, 6});
      longs.longs().put(new long[] {7, 8, 9, 10});
      assertArrayEquals(new long[] {2, 3}, floats.shape());
      assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, floats.toFloatArray());
      assertEquals(10, longs.longs().get(3));
    }
  }

  @Test
  void scalarsAndEmptyTensorsAreTensorsToo() {
    try (TensorArena arena = new TensorArena()) {
      assertEquals(1, arena.allocate(DType.FLOAT32).elementCount());
      assertEquals(0, arena.allocate(DType.FLOAT32, 3, 0).elementCount());
    }
  }

  @Test
  void refusesWhatCannotBe() {
    try (TensorArena arena = new TensorArena()) {
      assertThrows(
          IllegalArgumentException.class, () -> arena.allocate(DType.FLOAT32, 1L << 20, 1L << 10));
      assertThrows(IllegalArgumentException.class, () -> arena.allocate(DType.FLOAT32, -1));
    }
  }

  @Test
  void allocatesNothingAfterItIsClosed() {
    TensorArena arena = new TensorArena();
    arena.close();
    arena.close();
    assertThrows(IllegalStateException.class, () -> arena.allocate(DType.FLOAT32, 1));
  }
}
