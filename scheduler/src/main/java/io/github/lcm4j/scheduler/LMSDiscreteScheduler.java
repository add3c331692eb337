package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.Elementwise.map;
import static io.github.lcm4j.scheduler.SigmaSampler.toFloat32;

import io.github.lcm4j.Sampler;
import io.github.lcm4j.SamplingPlan;
import io.github.lcm4j.Scheduler;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.Deque;
import org.apache.commons.math3.analysis.integration.gauss.GaussIntegrator;
import org.apache.commons.math3.analysis.integration.gauss.GaussIntegratorFactory;

/**
 * The linear multistep method of order 4 in the noise level, as diffusers' {@code
 * LMSDiscreteScheduler}, after Crowson's k-diffusion: Adams-Bashforth for uneven steps. Draws no
 * noise.
 *
 * <p>Options: {@code num_train_timesteps}, {@code beta_start}, {@code beta_end}, {@code
 * beta_schedule}, {@code trained_betas}, {@code prediction_type}, {@code use_karras_sigmas}, {@code
 * use_exponential_sigmas}, {@code use_beta_sigmas}, {@code timestep_spacing}, {@code steps_offset}.
 */
public final class LMSDiscreteScheduler implements Scheduler {
  private static final String NAME = "LMSDiscreteScheduler";
  private static final int ORDER = 4;

  private final PredictionType prediction;
  private final TimestepSpacing spacing;
  private final SigmaSchedule schedule;
  private final int trainTimesteps;
  private final int stepsOffset;

  /** A scheduler with diffusers' defaults. */
  public LMSDiscreteScheduler() {
    this(SchedulerConfig.defaults());
  }

  /**
   * A scheduler with the options of a configuration, and defaults for the rest.
   *
   * @param config options by their diffusers names; unknown names are ignored
   * @throws IllegalArgumentException if an option's value is not one of those there are
   */
  public LMSDiscreteScheduler(SchedulerConfig config) {
    Options options = new Options(NAME, config);
    NoiseSchedule noise =
        NoiseSchedule.read(options, NoiseSchedule.Defaults.STANDARD, NoiseSchedule.ZeroSnr.NONE);
    trainTimesteps = noise.trainTimesteps();
    SigmaSchedule bounded = SigmaSchedule.read(options, noise);
    // diffusers' class lets sigma_min and sigma_max count for the other spacings only
    schedule = bounded.spacing() == SigmaSchedule.Spacing.KARRAS ? bounded.unbounded() : bounded;
    prediction = PredictionType.read(options, PredictionType.ALL);
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
    /** dx/dσ of the last steps, newest first. */
    private final Deque<Tensor> derivatives = new ArrayDeque<>();

    Run(SigmaSchedule.Levels levels) {
      super(levels.timesteps(), levels.sigmas(), spacing);
    }

    @Override
    Step advance(Tensor modelOutput, int index, Tensor sample, TorchRandom random) {
      float sigma = sigma(index);
      Tensor original = prediction.originalSample(sample, modelOutput, sigma);
      derivatives.addFirst(map(sample, original, (x, x0) -> (x - x0) / sigma));
      if (derivatives.size() > ORDER) {
        derivatives.removeLast();
      }
      // The order counts the levels passed, those before the start of the run included; as in
      // diffusers, a run that starts late uses the coefficients of the full order all the same.
      int order = Math.min(index + 1, ORDER);
      Tensor change = null;
      int term = 0;
      for (Tensor derivative : derivatives) {
        float weight = (float) weight(order, index, term++);
        change =
            change == null
                ? map(derivative, d -> weight * d)
                : map(change, derivative, (sum, d) -> sum + weight * d);
      }
      return new Step(map(sample, change, Float::sum), original);
    }

    /** Integral over the step of the Lagrange polynomial that is 1 at one of the past levels. */
    private double weight(int order, int index, int term) {
      double at = sigma(index - term);
      // Two points integrate a cubic exactly.
      GaussIntegrator integrator =
          new GaussIntegratorFactory().legendre(2, sigma(index + 1), sigma(index));
      return -integrator.integrate(
          sigma -> {
            double product = 1;
            for (int k = 0; k < order; k++) {
              if (k != term) {
                product *= (sigma - sigma(index - k)) / (at - sigma(index - k));
              }
            }
            return product;
          });
    }
  }
}
