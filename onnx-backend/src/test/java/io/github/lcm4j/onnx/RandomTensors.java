package io.github.lcm4j.onnx;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.util.Random;

/** Inputs and weights that need no reference data. */
public final class RandomTensors {
  private RandomTensors() {}

  /** Normally distributed float32, the same for a seed each time. */
  public static Tensor normal(long seed, long... shape) {
    Tensor tensor = Tensor.allocate(DType.FLOAT32, shape);
    Random random = new Random(seed);
    for (int i = 0; i < tensor.elementCount(); i++) {
      tensor.floats().put(i, (float) random.nextGaussian());
    }
    return tensor;
  }
}
