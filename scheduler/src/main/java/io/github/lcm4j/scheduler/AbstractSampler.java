package io.github.lcm4j.scheduler;

import io.github.lcm4j.Sampler;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;

/** What all samplers share: the timesteps, and checks that a run keeps to its order. */
abstract class AbstractSampler implements Sampler {
  private final double[] timesteps;
  private int nextIndex = -1;

  AbstractSampler(double[] timesteps) {
    this.timesteps = timesteps;
  }

  @Override
  public final double[] timesteps() {
    return timesteps.clone();
  }

  @Override
  public double initNoiseSigma() {
    return 1;
  }

  @Override
  public Tensor scaleModelInput(Tensor sample, int index) {
    requireIndex(index);
    return sample;
  }

  @Override
  public final Step step(Tensor modelOutput, int index, Tensor sample, TorchRandom random) {
    requireIndex(index);
    if (nextIndex >= 0 && index != nextIndex) {
      throw new IllegalArgumentException(
          "step %d follows step %d; a run takes its steps one by one, a new run needs a new sampler"
              .formatted(index, nextIndex - 1));
    }
    Elementwise.requireSameShape(sample, modelOutput);
    Step step = advance(modelOutput, index, sample, random);
    nextIndex = index + 1;
    return step;
  }

  @Override
  public final Tensor addNoise(Tensor original, Tensor noise, int index) {
    requireIndex(index);
    return noised(original, noise, index);
  }

  /**
   * The step itself. What an implementation keeps for later steps must be its own copy: callers may
   * reuse the memory of arguments and results.
   */
  abstract Step advance(Tensor modelOutput, int index, Tensor sample, TorchRandom random);

  abstract Tensor noised(Tensor original, Tensor noise, int index);

  final int count() {
    return timesteps.length;
  }

  final double timestep(int index) {
    return timesteps[index];
  }

  private void requireIndex(int index) {
    if (index < 0 || index >= timesteps.length) {
      throw new IndexOutOfBoundsException(
          "index %d of a run of %d timesteps".formatted(index, timesteps.length));
    }
  }
}
