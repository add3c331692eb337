package io.github.lcm4j;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;

/** Arithmetic of the loop on float32 tensors; arguments are never changed. */
final class Tensors {
  private Tensors() {}

  static Tensor scale(Tensor tensor, float factor) {
    if (factor == 1) {
      return tensor;
    }
    FloatBuffer in = tensor.floats();
    Tensor result = Tensor.allocate(DType.FLOAT32, tensor.shape());
    FloatBuffer out = result.floats();
    for (int i = 0; i < out.capacity(); i++) {
      out.put(i, in.get(i) * factor);
    }
    return result;
  }

  /** The whole tensor again and again along its first axis. */
  static Tensor repeat(Tensor tensor, int times) {
    if (times == 1) {
      return tensor;
    }
    long[] shape = tensor.shape();
    shape[0] *= times;
    Tensor result = Tensor.allocate(tensor.dtype(), shape);
    ByteBuffer out = result.buffer();
    for (int i = 0; i < times; i++) {
      out.put(tensor.buffer());
    }
    return result;
  }
}
