package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.Elementwise.map;
import static io.github.lcm4j.scheduler.SigmaSampler.toFloat32;

import io.github.lcm4j.Sampler;
import io.github.lcm4j.SamplingPlan;
import io.github.lcm4j.Scheduler;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;
import java.util.EnumSet;

/**
 * Ancestral sampling with Euler steps, as diffusers' {@code EulerAncestralDiscreteScheduler}: each
 * step goes below the next noise level and adds noise up to it. Noise is drawn for every step, the
 * last included, where it counts for nothing. After Crowson's k-diffusion.
 *
 * <p>Options: {@code num_train_timesteps}, {@code beta_start}, {@code beta_end}, {@code
 * beta_schedule}, {@code trained_betas}, {@code prediction_type} (epsilon or v_prediction), {@code
 * timestep_spacing}, {@code steps_offset}, {@code rescale_betas_zero_snr}.
 */
public final class EulerAncestralDiscreteScheduler implements Scheduler {
  private static final String NAME = "EulerAncestralDiscreteScheduler";

  private final PredictionType prediction;
  private final TimestepSpacing spacing;
  private final SigmaSchedule schedule;
  private final int trainTimesteps;
  private final int stepsOffset;

  /** A scheduler with diffusers' defaults. */
  public EulerAncestralDiscreteScheduler() {
    this(SchedulerConfig.defaults());
  }

  /**
   * A scheduler with the options of a configuration, and defaults for the rest.
   *
   * @param config options by their diffusers names; unknown names are ignored
   * @throws IllegalArgumentException if an option's value is not one of those there are
   */
  public EulerAncestralDiscreteScheduler(SchedulerConfig config) {
    Options options = new Options(NAME, config);
    NoiseSchedule noise =
        NoiseSchedule.read(options, NoiseSchedule.Defaults.STANDARD, NoiseSchedule.ZeroSnr.FINITE);
    trainTimesteps = noise.trainTimesteps();
    schedule = SigmaSchedule.of(noise);
    prediction =
        PredictionType.read(
            options, EnumSet.of(PredictionType.EPSILON, PredictionType.V_PREDICTION));
    spacing = TimestepSpacing.read(options, TimestepSpacing.LINSPACE);
    stepsOffset = options.integer("steps_offset", 0, 0, Integer.MAX_VALUE);
  }

  @Override
  public String name() {
    return NAME;
  }

  /**
   * Plans one run.
   *
   * @throws IllegalArgumentException if there are explicit timesteps, or too many steps for the
   *     spacing
   */
  @Override
  public Sampler sampler(SamplingPlan plan) {
    Plans.requireStepsOnly(NAME, plan);
    return new Run(
        schedule.levels(
            toFloat32(spacing.timesteps(plan.steps(), trainTimesteps, stepsOffset)), 0));
  }

  private final class Run extends SigmaSampler {
    Run(SigmaSchedule.Levels levels) {
      super(levels.timesteps(), levels.sigmas(), spacing);
    }

    @Override
    Step advance(Tensor modelOutput, int index, Tensor sample, TorchRandom random) {
      float from = sigma(index);
      float to = sigma(index + 1);
      float up = (float) Math.sqrt(to * to * (from * from - to * to) / (from * from));
      // Far from clean, up is almost to, and rounding can leave less than nothing.
      float down = (float) Math.sqrt(Math.max(to * to - up * up, 0));
      float change = down - from;
      Tensor original = prediction.originalSample(sample, modelOutput, from);
      Tensor noise = random.randn(sample.shape());
      Tensor prev =
          map(
              sample,
              original,
              noise,
              (x, x0, epsilon) -> x + (x - x0) / from * change + epsilon * up);
      return new Step(prev, original);
    }
  }
}
