package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.Elementwise.map;
import static io.github.lcm4j.scheduler.SigmaSampler.toFloat32;

import io.github.lcm4j.Sampler;
import io.github.lcm4j.SamplingPlan;
import io.github.lcm4j.Scheduler;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Heun's second-order method, as diffusers' {@code HeunDiscreteScheduler}: Karras et al. (2022),
 * algorithm 2 without churn. Two model evaluations a step, one for the last, so n steps have 2n − 1
 * timesteps. Draws no noise.
 *
 * <p>Options: {@code num_train_timesteps}, {@code beta_start} (0.00085 by default), {@code
 * beta_end} (0.012), {@code beta_schedule} (exp too), {@code trained_betas}, {@code
 * prediction_type}, {@code use_karras_sigmas}, {@code use_exponential_sigmas}, {@code
 * use_beta_sigmas}, {@code clip_sample}, {@code clip_sample_range}, {@code timestep_spacing},
 * {@code steps_offset}. A plan may set explicit timesteps, one for each step.
 */
public final class HeunDiscreteScheduler implements Scheduler {
  private static final String NAME = "HeunDiscreteScheduler";

  private final PredictionType prediction;
  private final SampleBounds bounds;
  private final TimestepSpacing spacing;
  private final SigmaSchedule schedule;
  private final int trainTimesteps;
  private final int stepsOffset;

  /** A scheduler with diffusers' defaults. */
  public HeunDiscreteScheduler() {
    this(SchedulerConfig.defaults());
  }

  /**
   * A scheduler with the options of a configuration, and defaults for the rest.
   *
   * @param config options by their diffusers names; unknown names are ignored
   * @throws IllegalArgumentException if an option's value is not one of those there are
   */
  public HeunDiscreteScheduler(SchedulerConfig config) {
    Options options = new Options(NAME, config);
    NoiseSchedule noise =
        NoiseSchedule.read(options, NoiseSchedule.Defaults.HEUN, NoiseSchedule.ZeroSnr.NONE);
    trainTimesteps = noise.trainTimesteps();
    schedule = SigmaSchedule.read(options, noise);
    prediction = PredictionType.read(options, PredictionType.ALL);
    bounds = SampleBounds.readClipping(options, false);
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
   * @throws IllegalArgumentException if explicit timesteps come with noise levels that are not
   *     chosen by timestep, or there are too many steps for the spacing
   */
  @Override
  public Sampler sampler(SamplingPlan plan) {
    double[] explicit = Plans.explicit(NAME, plan, schedule, trainTimesteps);
    SigmaSchedule.Levels levels =
        schedule.levels(
            explicit == null
                ? toFloat32(spacing.timesteps(plan.steps(), trainTimesteps, stepsOffset))
                : explicit,
            0);
    // All but the first level are visited twice: at the end of one step and the start of the next.
    int count = levels.timesteps().length;
    double[] timesteps = new double[2 * count - 1];
    float[] sigmas = new float[2 * count];
    for (int i = 0; i < timesteps.length; i++) {
      timesteps[i] = levels.timesteps()[(i + 1) / 2];
      sigmas[i] = levels.sigmas()[(i + 1) / 2];
    }
    sigmas[timesteps.length] = levels.sigmas()[count];
    return new Run(timesteps, sigmas);
  }

  private final class Run extends SigmaSampler {
    /** What the first evaluation of a step leaves for the second. */
    private record FirstHalf(Tensor sample, Tensor derivative, float change) {}

    private @Nullable FirstHalf first;

    Run(double[] timesteps, float[] sigmas) {
      super(timesteps, sigmas, spacing);
    }

    @Override
    public int order() {
      return 2;
    }

    @Override
    Step advance(Tensor modelOutput, int index, Tensor sample, TorchRandom random) {
      float sigma = sigma(index);
      Tensor original = bounds.apply(prediction.originalSample(sample, modelOutput, sigma));
      Tensor derivative = map(sample, original, (x, x0) -> (x - x0) / sigma);
      FirstHalf half = first;
      if (half == null) {
        float change = sigma(index + 1) - sigma;
        first = new FirstHalf(sample.copy(), derivative, change);
        return new Step(map(sample, derivative, (x, d) -> x + d * change), original);
      }
      first = null;
      Tensor prev =
          map(
              half.sample,
              half.derivative,
              derivative,
              (x, before, now) -> x + (before + now) / 2 * half.change);
      return new Step(prev, original);
    }
  }
}
