package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.Elementwise.map;

import io.github.lcm4j.Sampler;
import io.github.lcm4j.SamplingPlan;
import io.github.lcm4j.Scheduler;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;
import java.util.Arrays;
import java.util.EnumSet;

/**
 * Denoising diffusion probabilistic models, as diffusers' {@code DDPMScheduler}: Ho et al. (2020),
 * formulas 6 and 7. Noise is drawn for every step but one at timestep 0.
 *
 * <p>Options: {@code num_train_timesteps}, {@code beta_start}, {@code beta_end}, {@code
 * beta_schedule} (laplace and sigmoid too), {@code trained_betas}, {@code variance_type}, {@code
 * clip_sample} (on by default), {@code clip_sample_range}, {@code prediction_type}, {@code
 * thresholding}, {@code dynamic_thresholding_ratio}, {@code sample_max_value}, {@code
 * timestep_spacing}, {@code steps_offset}, {@code rescale_betas_zero_snr}. A plan may set explicit
 * timesteps.
 *
 * <p>Limits: the learned variances need a model with twice the channels and are refused, as is
 * fixed_large_log, which is the square root of a negative number in diffusers' class.
 */
public final class DDPMScheduler implements Scheduler {
  private static final String NAME = "DDPMScheduler";

  private enum Variance {
    FIXED_SMALL,
    FIXED_SMALL_LOG,
    FIXED_LARGE
  }

  private final NoiseSchedule schedule;
  private final PredictionType prediction;
  private final SampleBounds bounds;
  private final Variance variance;
  private final TimestepSpacing spacing;
  private final int stepsOffset;

  /** A scheduler with diffusers' defaults. */
  public DDPMScheduler() {
    this(SchedulerConfig.defaults());
  }

  /**
   * A scheduler with the options of a configuration, and defaults for the rest.
   *
   * @param config options by their diffusers names; unknown names are ignored
   * @throws IllegalArgumentException if an option's value is not one of those there are
   */
  public DDPMScheduler(SchedulerConfig config) {
    Options options = new Options(NAME, config);
    schedule =
        NoiseSchedule.read(options, NoiseSchedule.Defaults.DDPM, NoiseSchedule.ZeroSnr.EXACT);
    prediction = PredictionType.read(options, PredictionType.ALL);
    bounds = SampleBounds.read(options, true);
    variance = options.choice("variance_type", Variance.FIXED_SMALL, EnumSet.allOf(Variance.class));
    spacing = TimestepSpacing.read(options, TimestepSpacing.LEADING);
    stepsOffset = options.integer("steps_offset", 0, 0, Integer.MAX_VALUE);
  }

  @Override
  public String name() {
    return NAME;
  }

  /**
   * Plans one run.
   *
   * @throws IllegalArgumentException if there are more steps than training timesteps, or explicit
   *     timesteps do not descend from below the training timesteps
   */
  @Override
  public Sampler sampler(SamplingPlan plan) {
    int train = schedule.trainTimesteps();
    Plans.requireNoOriginalSteps(NAME, plan);
    long[] explicit = plan.timesteps();
    if (explicit != null) {
      Plans.requireDescending(NAME, explicit, train);
      return new Run(Arrays.stream(explicit).asDoubleStream().toArray());
    }
    Plans.requireAtMost(NAME, plan.steps(), train);
    return new Run(TimestepSpacing.rounded(spacing.timesteps(plan.steps(), train, stepsOffset)));
  }

  private final class Run extends AlphaSampler {
    Run(double[] timesteps) {
      super(schedule, timesteps);
    }

    @Override
    Step advance(Tensor modelOutput, int index, Tensor sample, TorchRandom random) {
      float alphaBar = alpha(index);
      float alphaBarPrev = index + 1 < count() ? alpha(index + 1) : 1;
      float alpha = alphaBar / alphaBarPrev;
      float beta = 1 - alpha;
      Tensor original =
          bounds.apply(
              prediction.originalSample(sample, modelOutput, sqrt(alphaBar), sqrt(1 - alphaBar)));

      float originalWeight = sqrt(alphaBarPrev) * beta / (1 - alphaBar);
      float sampleWeight = sqrt(alpha) * (1 - alphaBarPrev) / (1 - alphaBar);
      Tensor prev = map(original, sample, (x0, x) -> originalWeight * x0 + sampleWeight * x);
      if (timestep(index) > 0) {
        float deviation = deviation((1 - alphaBarPrev) / (1 - alphaBar) * beta, beta);
        prev = map(prev, random.randn(sample.shape()), (x, noise) -> x + deviation * noise);
      }
      return new Step(prev, original);
    }

    private float deviation(float posteriorVariance, float beta) {
      float small = Math.max(posteriorVariance, 1e-20f);
      return switch (variance) {
        case FIXED_SMALL -> sqrt(small);
        case FIXED_SMALL_LOG -> (float) Math.exp(0.5f * (float) Math.log(small));
        case FIXED_LARGE -> sqrt(beta);
      };
    }
  }
}
