package io.github.lcm4j.lora;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BlockedProductTest {
  @ParameterizedTest
  @CsvSource({"1,1,1", "3,2,5", "7,33,513", "5,64,512", "2,31,1025", "4,129,40", "64,4,9"})
  void addsTheScaledProduct(int m, int k, int n) {
    Random random = new Random(m * 31L + k * 7L + n);
    int offset = 3;
    FloatBuffer a = filled(m * k + offset, random);
    FloatBuffer b = filled(k * n + offset, random);
    FloatBuffer c = filled(m * n + 2 * offset, random);
    float[] before = new float[c.capacity()];
    c.get(0, before);
    new BlockedProduct()
        .multiplyAdd(-0.5f, a.position(offset), b.position(offset), c.position(offset), m, k, n);
    assertEquals(offset, a.position());
    assertEquals(offset, b.position());
    assertEquals(offset, c.position());
    for (int at = 0; at < before.length; at++) {
      double expected = before[at];
      int element = at - offset;
      if (element >= 0 && element < m * n) {
        for (int p = 0; p < k; p++) {
          expected +=
              -0.5
                  * a.get(offset + element / n * k + p)
                  * (double) b.get(offset + p * n + element % n);
        }
      }
      assertEquals(expected, c.get(at), 1e-5 * k, "element " + element);
    }
  }

  private static FloatBuffer filled(int count, Random random) {
    FloatBuffer buffer =
        ByteBuffer.allocateDirect(count * Float.BYTES)
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer();
    for (int i = 0; i < count; i++) {
      buffer.put(i, random.nextFloat() - 0.5f);
    }
    return buffer;
  }
}
