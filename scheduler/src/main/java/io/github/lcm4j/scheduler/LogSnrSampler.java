package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.Elementwise.map;

import io.github.lcm4j.tensor.Tensor;

/**
 * A solver of the variance-preserving process x = α x₀ + s ε over levels σ = s / α, in the variable
 * λ = log(α / s). Everything is float32, as diffusers computes it.
 */
abstract class LogSnrSampler extends AbstractSampler {
  private final float[] sigmas;

  LogSnrSampler(SigmaSchedule.Levels levels) {
    super(levels.timesteps());
    sigmas = levels.sigmas();
  }

  final float sigma(int index) {
    return sigmas[index];
  }

  /** Weight α of the clean sample. */
  final float alpha(int index) {
    return 1 / (float) Math.sqrt(sigmas[index] * sigmas[index] + 1);
  }

  /** Weight s of the noise. */
  final float spread(int index) {
    return sigmas[index] * alpha(index);
  }

  /** Half the log-SNR; infinite for a clean sample. */
  final float lambda(int index) {
    return (float) Math.log(alpha(index)) - (float) Math.log(spread(index));
  }

  @Override
  final Tensor noised(Tensor original, Tensor noise, int index) {
    float alpha = alpha(index);
    float spread = spread(index);
    return map(original, noise, (x, epsilon) -> alpha * x + spread * epsilon);
  }

  static float exp(float value) {
    return (float) Math.exp(value);
  }
}
