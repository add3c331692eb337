package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.Elementwise.map;

import io.github.lcm4j.Sampler;
import io.github.lcm4j.SamplingPlan;
import io.github.lcm4j.Scheduler;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;

/**
 * Multistep sampling of latent consistency models, as diffusers' {@code LCMScheduler}.
 *
 * <p>Each evaluation is taken all the way to a clean sample by the consistency function f(x, t) =
 * c<sub>skip</sub>(t) x + c<sub>out</sub>(t) x₀(x, t), and noised again to the next timestep; noise
 * is drawn for every step but the last. Luo et al. (2023), "Latent Consistency Models: Synthesizing
 * High-Resolution Images with Few-Step Inference", algorithm 3.
 *
 * <p>Options: {@code num_train_timesteps}, {@code beta_start}, {@code beta_end}, {@code
 * beta_schedule}, {@code trained_betas}, {@code original_inference_steps}, {@code clip_sample},
 * {@code clip_sample_range}, {@code prediction_type}, {@code thresholding}, {@code
 * dynamic_thresholding_ratio}, {@code sample_max_value}, {@code timestep_scaling}, {@code
 * rescale_betas_zero_snr}. As in diffusers, {@code timestep_spacing}, {@code steps_offset} and
 * {@code set_alpha_to_one} have no effect. A plan may set strength, original steps and timesteps.
 */
public final class LCMScheduler implements Scheduler {
  private static final String NAME = "LCMScheduler";

  /** Standard deviation of the data in the boundary condition. */
  private static final float SIGMA_DATA = 0.5f;

  private final NoiseSchedule schedule;
  private final PredictionType prediction;
  private final SampleBounds bounds;
  private final int originalInferenceSteps;
  private final float timestepScaling;

  /** A scheduler with diffusers' defaults. */
  public LCMScheduler() {
    this(SchedulerConfig.defaults());
  }

  /**
   * A scheduler with the options of a configuration, and defaults for the rest.
   *
   * @param config options by their diffusers names; unknown names are ignored
   * @throws IllegalArgumentException if an option's value is not one of those there are
   */
  public LCMScheduler(SchedulerConfig config) {
    Options options = new Options(NAME, config);
    schedule =
        NoiseSchedule.read(
            options, NoiseSchedule.Defaults.CONSISTENCY, NoiseSchedule.ZeroSnr.EXACT);
    prediction = PredictionType.read(options, PredictionType.ALL);
    bounds = SampleBounds.read(options, false);
    TimestepSpacing.read(options, TimestepSpacing.LEADING);
    originalInferenceSteps = options.integer("original_inference_steps", 50, 1, Integer.MAX_VALUE);
    timestepScaling = (float) options.number("timestep_scaling", 10.0);
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean readsStrength() {
    return true;
  }

  /**
   * Plans one run.
   *
   * @throws IllegalArgumentException if the steps exceed original steps × strength or the training
   *     timesteps, the original steps exceed the training timesteps, or explicit timesteps do not
   *     descend from below the training timesteps
   * @throws IllegalStateException if the configuration's original steps exceed the training
   *     timesteps and the plan has none
   */
  @Override
  public Sampler sampler(SamplingPlan plan) {
    return new Run(
        ConsistencyTimesteps.of(
            NAME, plan, schedule.trainTimesteps(), originalInferenceSteps, false));
  }

  private final class Run extends AlphaSampler {
    private final int lastIndex;

    Run(ConsistencyTimesteps plan) {
      super(schedule, plan.timesteps());
      lastIndex = plan.lastIndex();
    }

    @Override
    Step advance(Tensor modelOutput, int index, Tensor sample, TorchRandom random) {
      float alpha = alpha(index);
      Tensor original =
          bounds.apply(
              prediction.originalSample(sample, modelOutput, sqrt(alpha), sqrt(1 - alpha)));

      float scaled = (float) timestep(index) * timestepScaling;
      float norm = scaled * scaled + SIGMA_DATA * SIGMA_DATA;
      float skip = SIGMA_DATA * SIGMA_DATA / norm;
      float out = scaled / sqrt(norm);
      Tensor denoised = map(original, sample, (x0, x) -> out * x0 + skip * x);

      if (index == lastIndex) {
        return new Step(denoised, denoised.copy());
      }
      Tensor noise = random.randn(sample.shape());
      float alphaPrev = alpha(Math.min(index + 1, count() - 1));
      float signal = sqrt(alphaPrev);
      float spread = sqrt(1 - alphaPrev);
      return new Step(
          map(denoised, noise, (x, epsilon) -> signal * x + spread * epsilon), denoised);
    }
  }
}
