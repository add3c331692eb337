package io.github.lcm4j.random;

import io.github.lcm4j.tensor.Tensor;

/** PLACEHOLDER. */
public final class TorchRandom {
  public TorchRandom(long seed) {}

  public Tensor randn(long... shape) {
    throw new IllegalStateException();
  }
}
