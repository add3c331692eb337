package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.Elementwise.map;

import io.github.lcm4j.Sampler;
import io.github.lcm4j.SamplingPlan;
import io.github.lcm4j.Scheduler;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;

/**
 * Denoising diffusion implicit models, as diffusers' {@code DDIMScheduler}: Song et al. (2021),
 * "Denoising Diffusion Implicit Models", formula 12.
 *
 * <p>Options: {@code num_train_timesteps}, {@code beta_start}, {@code beta_end}, {@code
 * beta_schedule}, {@code trained_betas}, {@code clip_sample} (on by default), {@code
 * clip_sample_range}, {@code set_alpha_to_one}, {@code steps_offset}, {@code prediction_type},
 * {@code thresholding}, {@code dynamic_thresholding_ratio}, {@code sample_max_value}, {@code
 * timestep_spacing}, {@code rescale_betas_zero_snr}. A plan may set eta, from 0 (no noise is drawn)
 * to 1 (as much as DDPM).
 */
public final class DDIMScheduler implements Scheduler {
  private static final String NAME = "DDIMScheduler";

  private final NoiseSchedule schedule;
  private final PredictionType prediction;
  private final SampleBounds bounds;
  private final TimestepSpacing spacing;
  private final int stepsOffset;
  private final float finalAlpha;

  /** A scheduler with diffusers' defaults. */
  public DDIMScheduler() {
    this(SchedulerConfig.defaults());
  }

  /**
   * A scheduler with the options of a configuration, and defaults for the rest.
   *
   * @param config options by their diffusers names; unknown names are ignored
   * @throws IllegalArgumentException if an option's value is not one of those there are
   */
  public DDIMScheduler(SchedulerConfig config) {
    Options options = new Options(NAME, config);
    schedule =
        NoiseSchedule.read(options, NoiseSchedule.Defaults.STANDARD, NoiseSchedule.ZeroSnr.EXACT);
    prediction = PredictionType.read(options, PredictionType.ALL);
    bounds = SampleBounds.read(options, true);
    spacing = TimestepSpacing.read(options, TimestepSpacing.LEADING);
    stepsOffset = options.integer("steps_offset", 0, 0, Integer.MAX_VALUE);
    finalAlpha = options.flag("set_alpha_to_one", true) ? 1 : schedule.alphasCumprod()[0];
  }

  @Override
  public String name() {
    return NAME;
  }

  /**
   * Plans one run.
   *
   * @throws IllegalArgumentException if there are more steps than training timesteps, explicit
   *     timesteps, or an eta outside 0 to 1
   */
  @Override
  public Sampler sampler(SamplingPlan plan) {
    int train = schedule.trainTimesteps();
    Plans.requireStepsOnly(NAME, plan);
    Plans.requireAtMost(NAME, plan.steps(), train);
    float eta = (float) Plans.eta(NAME, plan, 0);
    double[] timesteps =
        TimestepSpacing.rounded(spacing.timesteps(plan.steps(), train, stepsOffset));
    return new Run(timesteps, train / plan.steps(), eta);
  }

  private final class Run extends AlphaSampler {
    private final int stride;
    private final float eta;

    Run(double[] timesteps, int stride, float eta) {
      super(schedule, timesteps);
      this.stride = stride;
      this.eta = eta;
    }

    @Override
    Step advance(Tensor modelOutput, int index, Tensor sample, TorchRandom random) {
      int previous = (int) timestep(index) - stride;
      float alpha = alpha(index);
      float alphaPrev = previous >= 0 ? alphaAt(previous) : finalAlpha;
      float signal = sqrt(alpha);
      float spread = sqrt(1 - alpha);
      Tensor original =
          bounds.apply(prediction.originalSample(sample, modelOutput, signal, spread));
      Tensor epsilon = prediction.epsilon(sample, modelOutput, signal, spread);

      float variance = (1 - alphaPrev) / (1 - alpha) * (1 - alpha / alphaPrev);
      float deviation = eta * sqrt(variance);
      // At eta 1 rounding can leave less than nothing.
      float direction = sqrt(Math.max(1 - alphaPrev - deviation * deviation, 0));
      float signalPrev = sqrt(alphaPrev);
      Tensor prev = map(original, epsilon, (x0, e) -> signalPrev * x0 + direction * e);
      if (eta > 0) {
        prev = map(prev, random.randn(sample.shape()), (x, noise) -> x + deviation * noise);
      }
      return new Step(prev, original);
    }
  }
}
