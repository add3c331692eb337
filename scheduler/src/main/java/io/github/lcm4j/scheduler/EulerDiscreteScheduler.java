package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.Elementwise.map;
import static io.github.lcm4j.scheduler.SigmaSampler.toFloat32;

import io.github.lcm4j.Sampler;
import io.github.lcm4j.SamplingPlan;
import io.github.lcm4j.Scheduler;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;
import java.util.Arrays;
import java.util.EnumSet;

/**
 * Euler's method, as diffusers' {@code EulerDiscreteScheduler}: Karras et al. (2022), "Elucidating
 * the Design Space of Diffusion-Based Generative Models", algorithm 2 without churn. Draws no
 * noise.
 *
 * <p>Options: {@code num_train_timesteps}, {@code beta_start}, {@code beta_end}, {@code
 * beta_schedule}, {@code trained_betas}, {@code prediction_type}, {@code interpolation_type},
 * {@code use_karras_sigmas}, {@code use_exponential_sigmas}, {@code use_beta_sigmas}, {@code
 * sigma_min}, {@code sigma_max}, {@code timestep_spacing}, {@code timestep_type}, {@code
 * steps_offset}, {@code rescale_betas_zero_snr}, {@code final_sigmas_type}. A plan may set explicit
 * timesteps.
 */
public final class EulerDiscreteScheduler implements Scheduler {
  private static final String NAME = "EulerDiscreteScheduler";

  private enum Interpolation {
    LINEAR,
    LOG_LINEAR
  }

  private enum TimestepType {
    DISCRETE,
    CONTINUOUS
  }

  private final PredictionType prediction;
  private final TimestepSpacing spacing;
  private final Interpolation interpolation;
  private final TimestepType timestepType;
  private final SigmaSchedule schedule;
  private final FinalSigma finalSigma;
  private final int trainTimesteps;
  private final int stepsOffset;

  /** A scheduler with diffusers' defaults. */
  public EulerDiscreteScheduler() {
    this(SchedulerConfig.defaults());
  }

  /**
   * A scheduler with the options of a configuration, and defaults for the rest.
   *
   * @param config options by their diffusers names; unknown names are ignored
   * @throws IllegalArgumentException if an option's value is not one of those there are
   */
  public EulerDiscreteScheduler(SchedulerConfig config) {
    Options options = new Options(NAME, config);
    NoiseSchedule noise =
        NoiseSchedule.read(options, NoiseSchedule.Defaults.STANDARD, NoiseSchedule.ZeroSnr.FINITE);
    trainTimesteps = noise.trainTimesteps();
    schedule = SigmaSchedule.read(options, noise);
    prediction = PredictionType.read(options, PredictionType.ALL);
    spacing = TimestepSpacing.read(options, TimestepSpacing.LINSPACE);
    interpolation =
        options.choice(
            "interpolation_type", Interpolation.LINEAR, EnumSet.allOf(Interpolation.class));
    timestepType =
        options.choice("timestep_type", TimestepType.DISCRETE, EnumSet.allOf(TimestepType.class));
    stepsOffset = options.integer("steps_offset", 0, 0, Integer.MAX_VALUE);
    finalSigma = FinalSigma.read(options);
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
    boolean logSigmas =
        timestepType == TimestepType.CONTINUOUS && prediction == PredictionType.V_PREDICTION;
    if (explicit != null && logSigmas) {
      throw new IllegalArgumentException(
          NAME
              + " takes no explicit timesteps with timestep_type continuous and prediction_type"
              + " v_prediction; give a number of steps instead");
    }
    double[] timesteps =
        explicit == null
            ? toFloat32(spacing.timesteps(plan.steps(), trainTimesteps, stepsOffset))
            : explicit;
    double[] sigmas =
        interpolation == Interpolation.LINEAR
            ? schedule.at(timesteps)
            : schedule.logLinear(timesteps.length + 1);
    SigmaSchedule.Levels levels = schedule.levels(timesteps, sigmas, finalSigma.of(schedule));
    if (logSigmas) {
      double[] continuous = new double[timesteps.length];
      Arrays.setAll(continuous, i -> 0.25f * (float) Math.log(levels.sigmas()[i]));
      return new Run(continuous, levels.sigmas());
    }
    return new Run(levels.timesteps(), levels.sigmas());
  }

  private final class Run extends SigmaSampler {
    Run(double[] timesteps, float[] sigmas) {
      super(timesteps, sigmas, spacing);
    }

    @Override
    Step advance(Tensor modelOutput, int index, Tensor sample, TorchRandom random) {
      float sigma = sigma(index);
      float change = sigma(index + 1) - sigma;
      Tensor original = prediction.originalSample(sample, modelOutput, sigma);
      return new Step(map(sample, original, (x, x0) -> x + (x - x0) / sigma * change), original);
    }
  }
}
