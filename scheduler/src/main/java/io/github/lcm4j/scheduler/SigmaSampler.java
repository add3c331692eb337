package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.Elementwise.map;

import io.github.lcm4j.tensor.Tensor;

/** A sampler of the variance-exploding process x = x₀ + σ ε, whose model sees x / √(σ² + 1). */
abstract class SigmaSampler extends AbstractSampler {
  private final float[] sigmas;
  private final double initNoiseSigma;

  /**
   * @param sigmas a level for each timestep, and the one after the last
   * @param spacing {@link TimestepSpacing#LEADING} starts below the highest level, where a sample's
   *     deviation is √(σ² + 1); the others start at it, where σ is taken for enough
   */
  SigmaSampler(double[] timesteps, float[] sigmas, TimestepSpacing spacing) {
    super(timesteps);
    this.sigmas = sigmas;
    float highest = 0;
    for (float sigma : sigmas) {
      highest = Math.max(highest, sigma);
    }
    initNoiseSigma =
        spacing == TimestepSpacing.LEADING ? (float) Math.sqrt(highest * highest + 1) : highest;
  }

  final float sigma(int index) {
    return sigmas[index];
  }

  @Override
  public final double initNoiseSigma() {
    return initNoiseSigma;
  }

  @Override
  public final Tensor scaleModelInput(Tensor sample, int index) {
    super.scaleModelInput(sample, index);
    float sigma = sigmas[index];
    float deviation = (float) Math.sqrt(sigma * sigma + 1);
    return map(sample, x -> x / deviation);
  }

  @Override
  final Tensor noised(Tensor original, Tensor noise, int index) {
    float sigma = sigmas[index];
    return map(original, noise, (x, epsilon) -> x + epsilon * sigma);
  }

  /** Timesteps in float32, in which diffusers keeps those of this family. */
  static double[] toFloat32(double[] timesteps) {
    for (int i = 0; i < timesteps.length; i++) {
      timesteps[i] = (float) timesteps[i];
    }
    return timesteps;
  }
}
