package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.Elementwise.map;

import io.github.lcm4j.Sampler;
import io.github.lcm4j.SamplingPlan;
import io.github.lcm4j.Scheduler;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;

/**
 * Strategic stochastic sampling of trajectory consistency models (TCD, Hyper-SD), as diffusers'
 * {@code TCDScheduler}: Zheng et al. (2024), "Trajectory Consistency Distillation", algorithm 4.
 * Each step goes below the next timestep and is noised up to it; eta, the paper's γ, says how far
 * below. Noise is drawn for every step but the last, and none at eta 0.
 *
 * <p>Options: {@code num_train_timesteps}, {@code beta_start}, {@code beta_end}, {@code
 * beta_schedule}, {@code trained_betas}, {@code original_inference_steps}, {@code prediction_type},
 * {@code rescale_betas_zero_snr}. As in diffusers, clipping, thresholding, {@code
 * timestep_spacing}, {@code timestep_scaling}, {@code steps_offset} and {@code set_alpha_to_one}
 * have no effect. A plan may set eta (0.3 if it does not), strength, original steps (the run then
 * selects from all training timesteps) and timesteps.
 */
public final class TCDScheduler implements Scheduler {
  private static final String NAME = "TCDScheduler";
  private static final double DEFAULT_ETA = 0.3;

  private final NoiseSchedule schedule;
  private final PredictionType prediction;
  private final int originalInferenceSteps;

  /** A scheduler with diffusers' defaults. */
  public TCDScheduler() {
    this(SchedulerConfig.defaults());
  }

  /**
   * A scheduler with the options of a configuration, and defaults for the rest.
   *
   * @param config options by their diffusers names; unknown names are ignored
   * @throws IllegalArgumentException if an option's value is not one of those there are
   */
  public TCDScheduler(SchedulerConfig config) {
    Options options = new Options(NAME, config);
    schedule =
        NoiseSchedule.read(
            options, NoiseSchedule.Defaults.CONSISTENCY, NoiseSchedule.ZeroSnr.EXACT);
    prediction = PredictionType.read(options, PredictionType.ALL);
    TimestepSpacing.read(options, TimestepSpacing.LEADING);
    originalInferenceSteps = options.integer("original_inference_steps", 50, 1, Integer.MAX_VALUE);
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
   *     timesteps, explicit timesteps do not descend from below the training timesteps, or eta is
   *     outside 0 to 1
   * @throws IllegalStateException if the configuration's original steps exceed the training
   *     timesteps and the plan has none
   */
  @Override
  public Sampler sampler(SamplingPlan plan) {
    return new Run(
        ConsistencyTimesteps.of(
            NAME, plan, schedule.trainTimesteps(), originalInferenceSteps, true),
        Plans.eta(NAME, plan, DEFAULT_ETA));
  }

  private final class Run extends AlphaSampler {
    private final int lastIndex;
    private final double eta;

    Run(ConsistencyTimesteps plan, double eta) {
      super(schedule, plan.timesteps());
      lastIndex = plan.lastIndex();
      this.eta = eta;
    }

    @Override
    Step advance(Tensor modelOutput, int index, Tensor sample, TorchRandom random) {
      int previous = index + 1 < count() ? (int) timestep(index + 1) : 0;
      int below = (int) Math.floor((float) (1 - eta) * previous);
      float signal = sqrt(alpha(index));
      float spread = sqrt(1 - alpha(index));
      Tensor original = prediction.originalSample(sample, modelOutput, signal, spread);
      Tensor epsilon = prediction.epsilon(sample, modelOutput, signal, spread);

      float alphaBelow = alphaAt(below);
      float signalBelow = sqrt(alphaBelow);
      float spreadBelow = sqrt(1 - alphaBelow);
      Tensor prev = map(original, epsilon, (x0, e) -> signalBelow * x0 + spreadBelow * e);
      if (eta > 0 && index != lastIndex) {
        float kept = alphaAt(previous) / alphaBelow;
        float keptWeight = sqrt(kept);
        float noiseWeight = sqrt(1 - kept);
        prev =
            map(
                prev,
                random.randn(sample.shape()),
                (x, noise) -> keptWeight * x + noiseWeight * noise);
      }
      return new Step(prev, original);
    }
  }
}
