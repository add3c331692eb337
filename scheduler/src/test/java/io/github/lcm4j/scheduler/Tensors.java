package io.github.lcm4j.scheduler;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.fail;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.FloatBuffer;

/** Comparisons of tensors that name the worst element. */
final class Tensors {
  private Tensors() {}

  /** The largest difference must be at most {@code tolerance} times the largest expected value. */
  static void assertClose(String what, Tensor expected, Tensor found, double tolerance) {
    assertArrayEquals(expected.shape(), found.shape(), what + ": shape");
    float[] e = expected.toFloatArray();
    float[] f = found.toFloatArray();
    double scale = 0;
    double worst = -1;
    int at = 0;
    for (int i = 0; i < e.length; i++) {
      scale = Math.max(scale, Math.abs(e[i]));
      double difference = Math.abs((double) e[i] - f[i]);
      if (!(difference <= worst)) { // NaN is the worst
        worst = difference;
        at = i;
      }
    }
    if (!(worst <= tolerance * scale)) {
      fail(
          "%s: element %d expected %s, found %s; off by %.3g of the largest, %s allowed"
              .formatted(what, at, e[at], f[at], worst / scale, tolerance));
    }
  }

  static void assertSame(String what, Tensor expected, Tensor found) {
    assertArrayEquals(expected.shape(), found.shape(), what + ": shape");
    assertArrayEquals(expected.toFloatArray(), found.toFloatArray(), 0, what);
  }

  /** The reference cases' stand-in for a network. */
  static Tensor model(Tensor input, Tensor bias) {
    Tensor output = Tensor.allocate(DType.FLOAT32, input.shape());
    FloatBuffer out = output.floats();
    FloatBuffer x = input.floats();
    FloatBuffer b = bias.floats();
    while (out.hasRemaining()) {
      out.put(0.8f * (float) Math.tanh(x.get()) + 0.2f * b.get());
    }
    return output;
  }
}
