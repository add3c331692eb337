package io.github.lcm4j.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ConversionsTest {
  /** By IEEE 754's definition, exactly. */
  private static float widened(int half) {
    int exponent = half >>> 10 & 31;
    int mantissa = half & 0x3ff;
    float magnitude;
    if (exponent == 31) {
      magnitude = mantissa == 0 ? Float.POSITIVE_INFINITY : Float.NaN;
    } else if (exponent == 0) {
      magnitude = (float) Math.scalb((double) mantissa, -24);
    } else {
      magnitude = (float) Math.scalb(1 + mantissa / 1024.0, exponent - 15);
    }
    return half < 0x8000 ? magnitude : -magnitude;
  }

  @Test
  void everyFloat16WidensExactlyAndComesBack() {
    Tensor halves = Tensor.allocate(DType.FLOAT16, 1 << 16);
    for (int i = 0; i < 1 << 16; i++) {
      halves.buffer().putShort(2 * i, (short) i);
    }
    float[] wide = halves.toFloatArray();
    Tensor back = halves.toFloat32().cast(DType.FLOAT16);
    for (int i = 0; i < 1 << 16; i++) {
      assertEquals(widened(i), wide[i], "float16 " + Integer.toHexString(i));
      if (!Float.isNaN(wide[i])) {
        assertEquals((short) i, back.buffer().getShort(2 * i), Integer.toHexString(i));
      }
    }
  }

  @Test
  void roundsToTheNearestEvenFloat16() {
    Random random = new Random(7);
    float[] values = new float[20_001];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (i % 4) {
            case 0 -> (float) random.nextGaussian();
            case 1 -> (float) (random.nextGaussian() * 1e-6); // subnormal
            case 2 -> (float) (random.nextGaussian() * 4e4); // some overflow
            default -> // halfway between two neighbours
                (widened(random.nextInt(0x7bff)) + widened(random.nextInt(0x7bff))) / 2;
          };
    }
    float[] found = Tensor.of(values, values.length).cast(DType.FLOAT16).toFloatArray();
    for (int i = 0; i < values.length; i++) {
      float value = values[i];
      if (Math.abs(value) >= 65520) {
        assertTrue(Float.isInfinite(found[i]), "cast of " + value);
        continue;
      }
      int half = Float.floatToRawIntBits(found[i]) == 0x80000000 ? 0 : halfOf(found[i]);
      for (int neighbour : new int[] {half - 1, half + 1}) {
        if (neighbour >= 0 && neighbour < 0x7c00) {
          int nearer = distance(value, widened(neighbour)).compareTo(distance(value, found[i]));
          assertTrue(nearer > 0 || nearer == 0 && (half & 1) == 0, "cast of " + value);
        }
      }
    }
  }

  private static BigDecimal distance(float value, float half) {
    return new BigDecimal(Math.abs(value)).subtract(new BigDecimal(Math.abs(half))).abs();
  }

  /** The float16 whose magnitude a float has. */
  private static int halfOf(float value) {
    for (int low = 0, high = 0x7bff; ; ) {
      int middle = (low + high) >>> 1;
      float found = widened(middle);
      if (found == Math.abs(value)) {
        return middle;
      }
      if (found < Math.abs(value)) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
      assertTrue(low <= high, value + " is no float16");
    }
  }

  @Test
  void castsIntoExistingMemory() {
    Tensor source = Tensor.of(new float[] {1, -2.5f, 3e-8f, Float.NaN}, 2, 2);
    Tensor target = Tensor.allocate(DType.BFLOAT16, 4);
    source.castInto(target);
    float[] found = target.toFloatArray();
    assertEquals(1, found[0]);
    assertEquals(-2.5f, found[1]);
    assertEquals(3e-8f, found[2], 1e-10f);
    assertTrue(Float.isNaN(found[3]));
    assertThrows(
        IllegalArgumentException.class, () -> source.castInto(Tensor.allocate(DType.FLOAT32, 5)));
    assertThrows(
        IllegalStateException.class, () -> source.castInto(Tensor.allocate(DType.INT32, 4)));
  }
}
