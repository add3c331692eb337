package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.Elementwise.map;

import io.github.lcm4j.Sampler;
import io.github.lcm4j.SamplingPlan;
import io.github.lcm4j.Scheduler;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Multistep DPM-Solver and DPM-Solver++, as diffusers' {@code DPMSolverMultistepScheduler}: Lu et
 * al. (2022), "DPM-Solver" and "DPM-Solver++", algorithm 2. The sde variants draw noise for every
 * step, the last included; the others draw none.
 *
 * <p>Options: {@code num_train_timesteps}, {@code beta_start}, {@code beta_end}, {@code
 * beta_schedule}, {@code trained_betas}, {@code solver_order} (1 to 3), {@code prediction_type},
 * {@code thresholding}, {@code dynamic_thresholding_ratio}, {@code sample_max_value}, {@code
 * algorithm_type}, {@code solver_type}, {@code lower_order_final}, {@code euler_at_final}, {@code
 * use_karras_sigmas}, {@code use_exponential_sigmas}, {@code use_beta_sigmas}, {@code
 * use_lu_lambdas}, {@code sigma_min}, {@code sigma_max}, {@code final_sigmas_type}, {@code
 * lambda_min_clipped}, {@code timestep_spacing}, {@code steps_offset}, {@code
 * rescale_betas_zero_snr}. A plan may set explicit timesteps. As in diffusers, algorithm deis is
 * taken for dpmsolver++, and other solvers' solver types for midpoint.
 *
 * <p>Limits: flow matching and learned variances are refused; Stable Diffusion uses neither.
 */
public final class DPMSolverMultistepScheduler implements Scheduler {
  private static final String NAME = "DPMSolverMultistepScheduler";

  /** Runs shorter than this end with lower orders, for stability. */
  private static final int SHORT_RUN = 15;

  private final PredictionType prediction;
  private final SampleBounds bounds;
  private final DpmUpdate update;
  private final int solverOrder;
  private final boolean lowerOrderFinal;
  private final boolean eulerAtFinal;
  private final SolverTimesteps timesteps;

  /** A scheduler with diffusers' defaults. */
  public DPMSolverMultistepScheduler() {
    this(SchedulerConfig.defaults());
  }

  /**
   * A scheduler with the options of a configuration, and defaults for the rest.
   *
   * @param config options by their diffusers names; unknown names are ignored
   * @throws IllegalArgumentException if an option's value is not one of those there are, or two
   *     options exclude each other
   */
  public DPMSolverMultistepScheduler(SchedulerConfig config) {
    Options options = new Options(NAME, config);
    options.requireUnset("use_flow_sigmas", "flow matching is not supported");
    if (options.says("variance_type", "learned")
        || options.says("variance_type", "learned_range")) {
      throw options.invalid(
          "variance_type", "unset, as models that predict their variance are not supported");
    }
    prediction = PredictionType.read(options, PredictionType.ALL);
    bounds = SampleBounds.readThresholding(options);
    solverOrder = options.integer("solver_order", 2, 1, 3);
    lowerOrderFinal = options.flag("lower_order_final", true);
    eulerAtFinal = options.flag("euler_at_final", false);
    timesteps = new SolverTimesteps(NAME, options, true);

    String algorithm =
        options.choice(
            "algorithm_type",
            "dpmsolver++",
            List.of("dpmsolver++", "sde-dpmsolver++", "dpmsolver", "sde-dpmsolver", "deis"));
    String type =
        options.choice(
            "solver_type", "midpoint", List.of("midpoint", "heun", "logrho", "bh1", "bh2"));
    update =
        new DpmUpdate(
            algorithm.endsWith("++") || algorithm.equals("deis"),
            algorithm.startsWith("sde-"),
            type.equals("heun"));
    if (!update.predictsOriginal() && timesteps.finalSigma() == FinalSigma.ZERO) {
      throw new IllegalArgumentException(
          "%s: algorithm_type %s cannot end at final_sigmas_type zero, where its noise estimate is"
                  .formatted(NAME, algorithm)
              + " undefined; use final_sigmas_type sigma_min, or dpmsolver++");
    }
    if (algorithm.equals("sde-dpmsolver") && solverOrder == 3) {
      throw options.invalid("solver_order", "1 or 2 with algorithm_type sde-dpmsolver");
    }
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
    return new Run(timesteps.levels(plan));
  }

  private final class Run extends LogSnrSampler {
    /** What the steps so far predicted (x₀ or ε), newest first. */
    private final Deque<Tensor> predictions = new ArrayDeque<>();

    Run(SigmaSchedule.Levels levels) {
      super(levels);
    }

    @Override
    Step advance(Tensor modelOutput, int index, Tensor sample, TorchRandom random) {
      float alpha = alpha(index);
      float spread = spread(index);
      Tensor original = bounds.apply(prediction.originalSample(sample, modelOutput, alpha, spread));
      predictions.addFirst(
          update.predictsOriginal()
              ? original.copy()
              : epsilon(modelOutput, sample, original, alpha, spread));
      if (predictions.size() > solverOrder) {
        predictions.removeLast();
      }
      Tensor noise = update.stochastic() ? random.randn(sample.shape()) : null;
      return new Step(updated(index, sample, noise), original);
    }

    private Tensor epsilon(
        Tensor output, Tensor sample, Tensor original, float alpha, float spread) {
      return bounds.thresholds()
          ? PredictionType.SAMPLE.epsilon(sample, original, alpha, spread)
          : prediction.epsilon(sample, output, alpha, spread);
    }

    private Tensor updated(int index, Tensor sample, @Nullable Tensor noise) {
      int order = order(index);
      float step = lambda(index + 1) - lambda(index);
      DpmUpdate.Weights weights =
          update.weights(
              order, step, alpha(index), spread(index), alpha(index + 1), spread(index + 1));
      Iterator<Tensor> past = predictions.iterator();
      Tensor m0 = past.next();
      Tensor next = map(sample, m0, (x, d) -> weights.sample() * x + weights.d0() * d);
      if (order > 1) {
        Tensor m1 = past.next();
        float r0 = (lambda(index) - lambda(index - 1)) / step;
        Tensor slope = map(m0, m1, (now, before) -> 1 / r0 * (now - before));
        if (order == 2) {
          next = map(next, slope, (x, d) -> x + weights.d1() * d);
        } else {
          float r1 = (lambda(index - 1) - lambda(index - 2)) / step;
          Tensor slopeBefore = map(m1, past.next(), (now, before) -> 1 / r1 * (now - before));
          Tensor d1 =
              map(slope, slopeBefore, (now, before) -> now + r0 / (r0 + r1) * (now - before));
          Tensor d2 = map(slope, slopeBefore, (now, before) -> 1 / (r0 + r1) * (now - before));
          next = map(next, d1, d2, (x, a, b) -> x + weights.d1() * a + weights.d2() * b);
        }
      }
      return noise == null ? next : map(next, noise, (x, epsilon) -> x + weights.noise() * epsilon);
    }

    private int order(int index) {
      boolean shortRun = lowerOrderFinal && count() < SHORT_RUN;
      int left = count() - index;
      if (left == 1 && (eulerAtFinal || shortRun || timesteps.finalSigma() == FinalSigma.ZERO)) {
        return 1;
      }
      int order = predictions.size();
      return left == 2 && shortRun ? Math.min(order, 2) : order;
    }
  }
}
