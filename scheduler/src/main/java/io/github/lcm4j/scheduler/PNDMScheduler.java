package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.Elementwise.map;

import io.github.lcm4j.Sampler;
import io.github.lcm4j.SamplingPlan;
import io.github.lcm4j.Scheduler;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Pseudo numerical methods for diffusion models, as diffusers' {@code PNDMScheduler}: Liu et al.
 * (2022), "Pseudo Numerical Methods for Diffusion Models on Manifolds". A linear multistep method
 * (PLMS) of order 4, started by three Runge-Kutta steps (PRK) or, with {@code skip_prk_steps}, by a
 * second evaluation of the second timestep. Draws no noise.
 *
 * <p>n steps have n + 1 timesteps with {@code skip_prk_steps}, else n + 9. As in diffusers, a run
 * that starts at a later index starts with the same sequence there.
 *
 * <p>Options: {@code num_train_timesteps}, {@code beta_start}, {@code beta_end}, {@code
 * beta_schedule}, {@code trained_betas}, {@code skip_prk_steps}, {@code set_alpha_to_one}, {@code
 * prediction_type} (epsilon or v_prediction), {@code timestep_spacing}, {@code steps_offset}.
 */
public final class PNDMScheduler implements Scheduler {
  private static final String NAME = "PNDMScheduler";
  private static final int ORDER = 4;

  /** Evaluations of three Runge-Kutta steps. */
  private static final int PRK_EVALUATIONS = 12;

  private final NoiseSchedule schedule;
  private final PredictionType prediction;
  private final TimestepSpacing spacing;
  private final int stepsOffset;
  private final boolean skipPrkSteps;
  private final float finalAlpha;

  /** A scheduler with diffusers' defaults. */
  public PNDMScheduler() {
    this(SchedulerConfig.defaults());
  }

  /**
   * A scheduler with the options of a configuration, and defaults for the rest.
   *
   * @param config options by their diffusers names; unknown names are ignored
   * @throws IllegalArgumentException if an option's value is not one of those there are
   */
  public PNDMScheduler(SchedulerConfig config) {
    Options options = new Options(NAME, config);
    schedule =
        NoiseSchedule.read(options, NoiseSchedule.Defaults.STANDARD, NoiseSchedule.ZeroSnr.NONE);
    prediction =
        PredictionType.read(
            options, EnumSet.of(PredictionType.EPSILON, PredictionType.V_PREDICTION));
    spacing = TimestepSpacing.read(options, TimestepSpacing.LEADING);
    stepsOffset = options.integer("steps_offset", 0, 0, Integer.MAX_VALUE);
    skipPrkSteps = options.flag("skip_prk_steps", false);
    finalAlpha = options.flag("set_alpha_to_one", false) ? 1 : schedule.alphasCumprod()[0];
  }

  @Override
  public String name() {
    return NAME;
  }

  /**
   * Plans one run.
   *
   * @throws IllegalArgumentException if there are explicit timesteps, more steps than training
   *     timesteps, or fewer than 4 steps with Runge-Kutta steps
   */
  @Override
  public Sampler sampler(SamplingPlan plan) {
    int train = schedule.trainTimesteps();
    int steps = plan.steps();
    Plans.requireStepsOnly(NAME, plan);
    Plans.requireAtMost(NAME, steps, train);
    double[] descending = TimestepSpacing.rounded(spacing.timesteps(steps, train, stepsOffset));
    int stride = train / steps;
    return new Run(
        skipPrkSteps ? withSecondRepeated(descending) : withRungeKutta(descending, stride), stride);
  }

  private static double[] withSecondRepeated(double[] descending) {
    if (descending.length == 1) {
      return descending;
    }
    double[] timesteps = new double[descending.length + 1];
    System.arraycopy(descending, 0, timesteps, 0, 2);
    System.arraycopy(descending, 1, timesteps, 2, descending.length - 1);
    return timesteps;
  }

  private static double[] withRungeKutta(double[] descending, int stride) {
    if (descending.length < ORDER) {
      throw new IllegalArgumentException(
          "%s: %d steps are too few for its Runge-Kutta start; use at least %d or set skip_prk_steps"
              .formatted(NAME, descending.length, ORDER));
    }
    double[] timesteps = new double[PRK_EVALUATIONS + descending.length - ORDER + 1];
    for (int step = 0; step < ORDER - 1; step++) {
      double half = descending[step + 1] + stride / 2;
      timesteps[4 * step] = descending[step];
      timesteps[4 * step + 1] = half;
      timesteps[4 * step + 2] = half;
      timesteps[4 * step + 3] = descending[step + 1];
    }
    System.arraycopy(
        descending, ORDER - 1, timesteps, PRK_EVALUATIONS, descending.length - ORDER + 1);
    return timesteps;
  }

  private final class Run extends AlphaSampler {
    private final int stride;

    /** Evaluations made, from wherever the run began. */
    private int counter;

    /** Past outputs, newest last. */
    private final List<Tensor> outputs = new ArrayList<>();

    /** Sample at the start of a Runge-Kutta step, or of the first multistep one. */
    private @Nullable Tensor startSample;

    /** Weighted sum of a Runge-Kutta step's outputs so far. */
    private @Nullable Tensor outputSum;

    Run(double[] timesteps, int stride) {
      super(schedule, timesteps);
      this.stride = stride;
    }

    @Override
    Step advance(Tensor modelOutput, int index, Tensor sample, TorchRandom random) {
      float alpha = alpha(index);
      Tensor original =
          prediction.originalSample(sample, modelOutput, sqrt(alpha), sqrt(1 - alpha));
      int timestep = (int) timestep(index);
      Tensor prev =
          !skipPrkSteps && counter < PRK_EVALUATIONS
              ? rungeKutta(modelOutput, timestep, sample)
              : multistep(modelOutput, timestep, sample);
      counter++;
      return new Step(prev, original);
    }

    /** Formula 13 of the paper: one of the four evaluations of a Runge-Kutta step. */
    private Tensor rungeKutta(Tensor output, int timestep, Tensor sample) {
      int previous = timestep - (counter % 2 == 0 ? stride / 2 : 0);
      int start = (int) timestep(counter / 4 * 4);
      Tensor sum = outputSum;
      switch (counter % 4) {
        case 0 -> {
          remember(output);
          startSample = sample.copy();
          outputSum = map(output, e -> 1f / 6 * e);
        }
        case 1, 2 -> outputSum = map(required(sum), output, (total, e) -> total + 1f / 3 * e);
        default -> {
          output = map(required(sum), output, (total, e) -> total + 1f / 6 * e);
          outputSum = null;
        }
      }
      return transfer(required(startSample), output, start, previous);
    }

    /** Formula 12 of the paper: a multistep step, of lower order at first. */
    private Tensor multistep(Tensor output, int timestep, Tensor sample) {
      if (counter == 1) {
        // The second evaluation repeats the first step with the mean of both ends.
        Tensor mean = map(output, outputs.get(0), (now, before) -> (now + before) / 2);
        Tensor start = required(startSample);
        startSample = null;
        return transfer(start, mean, timestep + stride, timestep);
      }
      if (counter == 0) {
        startSample = sample.copy();
      }
      remember(output);
      return transfer(sample, extrapolated(), timestep, timestep - stride);
    }

    private Tensor extrapolated() {
      int count = outputs.size();
      Tensor e1 = outputs.get(count - 1);
      return switch (count) {
        case 1 -> e1;
        case 2 -> map(e1, outputs.get(0), (a, b) -> (3 * a - b) / 2);
        case 3 ->
            map(e1, outputs.get(1), outputs.get(0), (a, b, c) -> (23 * a - 16 * b + 5 * c) / 12);
        default ->
            map(
                map(e1, outputs.get(2), outputs.get(1), (a, b, c) -> 55 * a - 59 * b + 37 * c),
                outputs.get(0),
                (sum, d) -> 1f / 24 * (sum - 9 * d));
      };
    }

    private void remember(Tensor output) {
      if (outputs.size() == ORDER) {
        outputs.remove(0);
      }
      outputs.add(output.copy());
    }

    /** Formula 11 of the paper: from one timestep to another with a given noise. */
    private Tensor transfer(Tensor sample, Tensor output, int timestep, int previous) {
      float alpha = alphaAt(timestep);
      float alphaPrev = previous >= 0 ? alphaAt(previous) : finalAlpha;
      float beta = 1 - alpha;
      Tensor epsilon = prediction.epsilon(sample, output, sqrt(alpha), sqrt(beta));
      float sampleWeight = sqrt(alphaPrev / alpha);
      float change = alphaPrev - alpha;
      float divisor = alpha * sqrt(1 - alphaPrev) + sqrt(alpha * beta * alphaPrev);
      return map(sample, epsilon, (x, e) -> sampleWeight * x - change * e / divisor);
    }

    private static Tensor required(@Nullable Tensor tensor) {
      return Objects.requireNonNull(tensor, "first evaluation of the step");
    }
  }
}
