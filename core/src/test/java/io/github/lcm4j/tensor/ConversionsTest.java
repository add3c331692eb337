package io.github.lcm4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ShortBuffer;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;

/**
 * The checksums are CRC-32 of the little-endian results of NumPy 2.4 ({@code astype}) and PyTorch
 * 2.13 ({@code to(torch.bfloat16)}, and {@code half()}, which agrees with NumPy) for the same bits
 * without the NaNs.
 */
class ConversionsTest {
  @Test
  void everyHalfWidensAsInNumpy() {
    assertWidens(DType.FLOAT16, 63490, 0x58a2254bL);
  }

  @Test
  void everyBfloatWidensAsInTorch() {
    assertWidens(DType.BFLOAT16, 65282, 0x1fad2086L);
  }

  private static void assertWidens(DType dtype, int numbers, long checksum) {
    Tensor all = all(dtype);
    float[] values = all.toFloatArray();
    int count = 0;
    for (float value : values) {
      count += Float.isNaN(value) ? 0 : 1;
    }
    assertEquals(numbers, count);
    Tensor finite = Tensor.allocate(dtype, numbers);
    ShortBuffer bits = finite.buffer().asShortBuffer();
    for (int i = 0; i < values.length; i++) {
      if (!Float.isNaN(values[i])) {
        bits.put((short) i);
      }
    }
    assertEquals(checksum, crc(finite.toFloat32()));
    assertArrayEquals(finite.toFloat32().toFloatArray(), finite.toFloatArray());
  }

  @Test
  void aMillionFloatsNarrowAsInNumpyAndTorch() {
    Tensor floats = Tensor.allocate(DType.FLOAT32, 1044483);
    int at = 0;
    for (int i = 0; i < 1 << 20; i++) {
      float value = Float.intBitsToFloat(i * 4099);
      if (!Float.isNaN(value)) {
        floats.floats().put(at++, value);
      }
    }
    assertEquals(floats.elementCount(), at);
    assertEquals(0x02d0cf69L, crc(floats.cast(DType.FLOAT16)));
    assertEquals(0x260ec356L, crc(floats.cast(DType.BFLOAT16)));
  }

  @Test
  void everyHalfSurvivesAndHalfwayRoundsToEven() {
    assertRounds(DType.FLOAT16, 0x7c00);
  }

  @Test
  void everyBfloatSurvivesAndHalfwayRoundsToEven() {
    assertRounds(DType.BFLOAT16, 0x7f80);
  }

  /** For each pair of neighbours: itself, just below, at and just above the middle between them. */
  private static void assertRounds(DType dtype, int infinity) {
    float[] values = all(dtype).toFloatArray();
    // The neighbour of the largest number would be as far above it as the one below.
    double beyond = 2.0 * values[infinity - 1] - values[infinity - 2];
    Tensor floats = Tensor.allocate(DType.FLOAT32, infinity, 2, 4);
    Tensor expected = Tensor.allocate(dtype, infinity, 2, 4);
    ShortBuffer bits = expected.buffer().asShortBuffer();
    int at = 0;
    for (int i = 0; i < infinity; i++) {
      double next = i + 1 == infinity ? beyond : values[i + 1];
      float middle = (float) ((values[i] + next) / 2);
      int even = i + (i & 1);
      float[] positive = {values[i], Math.nextDown(middle), middle, Math.nextUp(middle)};
      int[] rounded = {i, i, even, i + 1};
      for (int sign = 0; sign < 2; sign++) {
        for (int k = 0; k < 4; k++) {
          floats.floats().put(at, sign == 0 ? positive[k] : -positive[k]);
          bits.put(at++, (short) (sign << 15 | rounded[k]));
        }
      }
    }
    ShortBuffer found = floats.cast(dtype).buffer().asShortBuffer();
    for (int i = 0; i < at; i++) {
      if (found.get(i) != bits.get(i)) {
        assertEquals(
            Integer.toHexString(bits.get(i) & 0xffff),
            Integer.toHexString(found.get(i) & 0xffff),
            "element " + i + ", " + floats.floats().get(i));
      }
    }
  }

  @Test
  void nanStaysNanAndInfinityInfinity() {
    int[] nans = {0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff};
    for (int nan : nans) {
      assertTrue(Float.isNaN(narrowed(Float.intBitsToFloat(nan), DType.FLOAT16)));
      assertTrue(Float.isNaN(narrowed(Float.intBitsToFloat(nan), DType.BFLOAT16)));
    }
    for (float infinity : new float[] {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      assertEquals(infinity, narrowed(infinity, DType.FLOAT16));
      assertEquals(infinity, narrowed(infinity, DType.BFLOAT16));
    }
    float[] halves = all(DType.FLOAT16).toFloatArray();
    for (int bits : new int[] {0x7c01, 0x7e00, 0x7fff, 0xfc01, 0xfe00, 0xffff}) {
      assertTrue(Float.isNaN(halves[bits]));
    }
  }

  private static float narrowed(float value, DType dtype) {
    return Tensor.of(new float[] {value}, 1).cast(dtype).toFloatArray()[0];
  }

  @Test
  void castsBetweenTheNarrowTypesGoThroughFloat() {
    float[] values = {1.00390625f, -3.140625f, 70000f, 1e-8f};
    Tensor half = Tensor.of(values, 4).cast(DType.FLOAT16);
    Tensor bfloat = half.cast(DType.BFLOAT16);
    assertEquals(DType.BFLOAT16, bfloat.dtype());
    // 1 + 2^-8 lies halfway between two bfloats; half precision has no 70000 and no 10^-8.
    assertArrayEquals(
        new float[] {1f, -3.140625f, Float.POSITIVE_INFINITY, 0f}, bfloat.toFloatArray());
  }

  @Test
  void nothingIsCopiedWithoutNeed() {
    Tensor floats = Tensor.of(new float[] {1}, 1);
    assertSame(floats, floats.toFloat32());
    Tensor half = floats.cast(DType.FLOAT16);
    assertSame(half, half.cast(DType.FLOAT16));
  }

  @Test
  void castsIntoTheMemoryOfAnother() {
    Tensor rows = Tensor.allocate(DType.FLOAT16, 3, 2);
    Tensor.of(new float[] {1, 2}, 1, 2).castInto(rows.rows(1, 2));
    assertArrayEquals(new float[] {0, 0, 1, 2, 0, 0}, rows.toFloatArray());
    rows.rows(1, 2).castInto(rows.rows(2, 3));
    assertArrayEquals(new float[] {0, 0, 1, 2, 1, 2}, rows.toFloatArray());
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> rows.castInto(rows.rows(0, 1)));
    assertTrue(e.getMessage().contains("FLOAT16[3, 2] into FLOAT16[1, 2]"), e.getMessage());
  }

  @Test
  void integersAreRefused() {
    Tensor longs = Tensor.of(new long[] {1}, 1);
    assertThrows(IllegalStateException.class, longs::toFloat32);
    assertThrows(IllegalStateException.class, longs::toFloatArray);
    Tensor floats = Tensor.of(new float[] {1}, 1);
    IllegalStateException e =
        assertThrows(IllegalStateException.class, () -> floats.cast(DType.INT64));
    assertTrue(e.getMessage().contains("INT64"), e.getMessage());
  }

  private static Tensor all(DType dtype) {
    Tensor tensor = Tensor.allocate(dtype, 1 << 16);
    ShortBuffer bits = tensor.buffer().asShortBuffer();
    for (int i = 0; i < 1 << 16; i++) {
      bits.put(i, (short) i);
    }
    return tensor;
  }

  private static long crc(Tensor tensor) {
    CRC32 crc = new CRC32();
    crc.update(tensor.buffer());
    return crc.getValue();
  }
}
