package io.github.lcm4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TensorTest {
  @ParameterizedTest
  @EnumSource(DType.class)
  void allocatesZeros(DType dtype) {
    Tensor tensor = Tensor.allocate(dtype, 2, 3);
    assertEquals(6, tensor.elementCount());
    assertEquals(6 * dtype.byteSize(), tensor.byteSize());
    assertEquals(2, tensor.rank());
    assertEquals(3, tensor.dimension(1));
    assertTrue(tensor.buffer().isDirect());
    assertEquals(ByteOrder.LITTLE_ENDIAN, tensor.buffer().order());
    assertEquals(ByteBuffer.allocate(tensor.byteSize()), tensor.buffer());
    assertEquals(dtype + "[2, 3]", tensor.toString());
  }

  @Test
  void scalarsAndEmptyTensors() {
    assertEquals(1, Tensor.allocate(DType.FLOAT32).elementCount());
    assertEquals(0, Tensor.allocate(DType.FLOAT32, 1L << 40, 0, 1L << 40).elementCount());
    assertEquals(0, Tensor.allocate(DType.INT64, 0).copy().byteSize());
    assertEquals(0, Tensor.allocate(DType.FLOAT16, 0, 5).toFloatArray().length);
  }

  @Test
  void refusesImpossibleShapes() {
    assertRefused("[2, -1]", () -> Tensor.allocate(DType.FLOAT32, 2, -1));
    assertRefused("[0, -1]", () -> Tensor.allocate(DType.FLOAT32, 0, -1));
    assertRefused("2 GiB", () -> Tensor.allocate(DType.FLOAT32, 1 << 29));
    assertRefused("2 GiB", () -> Tensor.allocate(DType.FLOAT32, 1L << 32, 1L << 32));
    Tensor six = Tensor.of(new float[6], 2, 3);
    assertRefused("found 6", () -> six.reshape(4));
    assertRefused("negative", () -> six.reshape(-2, -3));
    Tensor none = Tensor.allocate(DType.FLOAT32, 0);
    assertRefused("found 0", () -> none.reshape(1L << 32, 1L << 32));
    assertRefused("found 3", () -> Tensor.of(new float[3], 2, 2));
    assertRefused("found 3", () -> Tensor.of(new long[3], 2, 2));
  }

  private static void assertRefused(String part, Runnable action) {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, action::run);
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }

  @Test
  void wrapsTheRemainingBytesWithoutACopy() {
    ByteBuffer memory = ByteBuffer.allocateDirect(12).order(ByteOrder.BIG_ENDIAN);
    memory.position(4);
    Tensor tensor = Tensor.wrap(DType.INT32, new long[] {2}, memory);
    assertEquals(4, memory.position());
    tensor.ints().put(0, 1);
    assertEquals(1, memory.get(4));
    assertRefused("8 bytes", () -> Tensor.wrap(DType.INT32, new long[] {2}, memory.slice(0, 4)));
    assertRefused("heap", () -> Tensor.wrap(DType.INT32, new long[] {1}, ByteBuffer.allocate(4)));
  }

  @Test
  void viewsShareMemoryAndCopiesDoNot() {
    Tensor tensor = Tensor.of(new float[] {0, 1, 2, 3, 4, 5}, 3, 2);
    Tensor rows = tensor.rows(1, 3);
    assertArrayEquals(new long[] {2, 2}, rows.shape());
    assertArrayEquals(new float[] {2, 3, 4, 5}, rows.toFloatArray());
    Tensor flat = rows.reshape(4);
    Tensor copy = rows.copy();
    flat.floats().put(0, 9);
    assertEquals(9, tensor.floats().get(2));
    assertEquals(2, copy.floats().get(0));
    assertEquals(0, tensor.rows(1, 1).elementCount());
    assertThrows(IndexOutOfBoundsException.class, () -> tensor.rows(2, 4));
    assertThrows(IndexOutOfBoundsException.class, () -> tensor.rows(-1, 1));
    assertThrows(IndexOutOfBoundsException.class, () -> tensor.rows(2, 1));
    Tensor scalar = Tensor.allocate(DType.FLOAT32);
    assertThrows(IndexOutOfBoundsException.class, () -> scalar.rows(0, 1));
  }

  @Test
  void theShapeCannotBeChangedFromOutside() {
    long[] shape = {2};
    Tensor tensor = Tensor.of(new float[] {1, 2}, shape);
    shape[0] = 7;
    tensor.shape()[0] = 8;
    assertArrayEquals(new long[] {2}, tensor.shape());
  }

  @Test
  void aViewOfAnotherTypeIsRefused() {
    Tensor longs = Tensor.of(new long[] {1}, 1);
    IllegalStateException e = assertThrows(IllegalStateException.class, longs::floats);
    assertEquals("expected a FLOAT32 tensor, found INT64[1]", e.getMessage());
    assertThrows(IllegalStateException.class, longs::ints);
    assertThrows(IllegalStateException.class, () -> Tensor.of(new float[1], 1).longs());
  }
}
