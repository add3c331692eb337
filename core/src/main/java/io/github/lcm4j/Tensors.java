package io.github.lcm4j;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.List;

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

  /** Stacks one-row tensors, each repeated {@code count} times in a row. */
  static Tensor repeatEach(List<Tensor> rows, int count) {
    if (rows.size() == 1 && count == 1) {
      return rows.get(0);
    }
    long[] shape = rows.get(0).shape();
    shape[0] = (long) rows.size() * count;
    Tensor result = Tensor.allocate(DType.FLOAT32, shape);
    ByteBuffer out = result.buffer();
    for (Tensor row : rows) {
      for (int i = 0; i < count; i++) {
        out.put(row.buffer());
      }
    }
    return result;
  }

  /** Joins {@code [1, length, width_i]} tensors along the last axis. */
  static Tensor concatenateLast(List<Tensor> parts) {
    if (parts.size() == 1) {
      return parts.get(0);
    }
    long length = parts.get(0).dimension(1);
    long width = 0;
    for (Tensor part : parts) {
      if (part.dimension(1) != length) {
        throw new IllegalStateException(
            "the tokenizers give %d and %d tokens; both text encoders need the same length"
                .formatted(length, part.dimension(1)));
      }
      width += part.dimension(2);
    }
    Tensor result = Tensor.allocate(DType.FLOAT32, 1, length, width);
    ByteBuffer out = result.buffer();
    for (int token = 0; token < length; token++) {
      for (Tensor part : parts) {
        int rowBytes = part.byteSize() / (int) length;
        out.put(part.buffer().slice(token * rowBytes, rowBytes));
      }
    }
    return result;
  }
}
