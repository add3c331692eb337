package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.Elementwise.map;

import io.github.lcm4j.tensor.Tensor;

/**
 * A sampler of the variance-preserving process x = √ᾱ x₀ + √(1 − ᾱ) ε, on whole training timesteps.
 */
abstract class AlphaSampler extends AbstractSampler {
  private final NoiseSchedule schedule;

  AlphaSampler(NoiseSchedule schedule, double[] timesteps) {
    super(timesteps);
    this.schedule = schedule;
    for (double timestep : timesteps) {
      if (timestep < 0 || timestep >= schedule.trainTimesteps()) {
        throw new IllegalArgumentException(
            "timestep %d is outside the %d training timesteps; use fewer steps or a smaller"
                    .formatted((long) timestep, schedule.trainTimesteps())
                + " steps_offset");
      }
    }
  }

  /** ᾱ at an index of the run. */
  final float alpha(int index) {
    return alphaAt((int) timestep(index));
  }

  /** ᾱ at a training timestep. */
  final float alphaAt(int timestep) {
    return schedule.alphasCumprod()[timestep];
  }

  @Override
  final Tensor noised(Tensor original, Tensor noise, int index) {
    float signal = sqrt(alpha(index));
    float spread = sqrt(1 - alpha(index));
    return map(original, noise, (x, epsilon) -> signal * x + spread * epsilon);
  }

  static float sqrt(float value) {
    return (float) Math.sqrt(value);
  }
}
