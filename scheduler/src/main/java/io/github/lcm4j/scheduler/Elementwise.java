package io.github.lcm4j.scheduler;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.FloatBuffer;
import java.util.Arrays;

/** Formulas over the elements of float32 tensors of one shape, each yielding a new tensor. */
final class Elementwise {
  private Elementwise() {}

  interface Unary {
    float apply(float a);
  }

  interface Binary {
    float apply(float a, float b);
  }

  interface Ternary {
    float apply(float a, float b, float c);
  }

  static Tensor map(Tensor a, Unary formula) {
    Tensor result = Tensor.allocate(DType.FLOAT32, a.shape());
    FloatBuffer out = result.floats();
    FloatBuffer av = a.floats();
    int count = a.elementCount();
    for (int i = 0; i < count; i++) {
      out.put(i, formula.apply(av.get(i)));
    }
    return result;
  }

  static Tensor map(Tensor a, Tensor b, Binary formula) {
    requireSameShape(a, b);
    Tensor result = Tensor.allocate(DType.FLOAT32, a.shape());
    FloatBuffer out = result.floats();
    FloatBuffer av = a.floats();
    FloatBuffer bv = b.floats();
    int count = a.elementCount();
    for (int i = 0; i < count; i++) {
      out.put(i, formula.apply(av.get(i), bv.get(i)));
    }
    return result;
  }

  static Tensor map(Tensor a, Tensor b, Tensor c, Ternary formula) {
    requireSameShape(a, b);
    requireSameShape(a, c);
    Tensor result = Tensor.allocate(DType.FLOAT32, a.shape());
    FloatBuffer out = result.floats();
    FloatBuffer av = a.floats();
    FloatBuffer bv = b.floats();
    FloatBuffer cv = c.floats();
    int count = a.elementCount();
    for (int i = 0; i < count; i++) {
      out.put(i, formula.apply(av.get(i), bv.get(i), cv.get(i)));
    }
    return result;
  }

  static void requireSameShape(Tensor a, Tensor b) {
    if (a.dtype() != DType.FLOAT32
        || b.dtype() != DType.FLOAT32
        || !Arrays.equals(a.shape(), b.shape())) {
      throw new IllegalArgumentException(
          "two float32 tensors of one shape are needed, found " + a + " and " + b);
    }
  }
}
