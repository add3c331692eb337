package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.Elementwise.map;

import io.github.lcm4j.Sampler;
import io.github.lcm4j.SamplingPlan;
import io.github.lcm4j.Scheduler;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.ArrayRealVector;
import org.apache.commons.math3.linear.LUDecomposition;
import org.jspecify.annotations.Nullable;

/**
 * The unified predictor-corrector UniPC, as diffusers' {@code UniPCMultistepScheduler}: Zhao et al.
 * (2023), "UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of Diffusion Models",
 * algorithms 5 to 8. Each step first corrects the last one with the new model output. Draws no
 * noise.
 *
 * <p>Options: {@code num_train_timesteps}, {@code beta_start}, {@code beta_end}, {@code
 * beta_schedule}, {@code trained_betas}, {@code solver_order}, {@code prediction_type}, {@code
 * thresholding}, {@code dynamic_thresholding_ratio}, {@code sample_max_value}, {@code predict_x0},
 * {@code solver_type}, {@code lower_order_final}, {@code disable_corrector}, {@code
 * use_karras_sigmas}, {@code use_exponential_sigmas}, {@code use_beta_sigmas}, {@code sigma_min},
 * {@code sigma_max}, {@code timestep_spacing}, {@code steps_offset}, {@code final_sigmas_type},
 * {@code rescale_betas_zero_snr}. As in diffusers, other solvers' solver types are taken for bh2.
 *
 * <p>Limits: flow matching and a solver inside the solver ({@code solver_p}) are refused.
 */
public final class UniPCMultistepScheduler implements Scheduler {
  private static final String NAME = "UniPCMultistepScheduler";

  private final PredictionType prediction;
  private final SampleBounds bounds;
  private final boolean predictOriginal;
  private final boolean linearB;
  private final int solverOrder;
  private final boolean lowerOrderFinal;
  private final Set<Integer> disableCorrector;
  private final SolverTimesteps timesteps;

  /** A scheduler with diffusers' defaults. */
  public UniPCMultistepScheduler() {
    this(SchedulerConfig.defaults());
  }

  /**
   * A scheduler with the options of a configuration, and defaults for the rest.
   *
   * @param config options by their diffusers names; unknown names are ignored
   * @throws IllegalArgumentException if an option's value is not one of those there are, or two
   *     options exclude each other
   */
  public UniPCMultistepScheduler(SchedulerConfig config) {
    Options options = new Options(NAME, config);
    options.requireUnset("use_flow_sigmas", "flow matching is not supported");
    options.requireUnset("use_dynamic_shifting", "flow matching is not supported");
    options.requireUnset("solver_p", "a solver inside the solver is not supported");
    prediction = PredictionType.read(options, PredictionType.ALL);
    bounds = SampleBounds.readThresholding(options);
    predictOriginal = options.flag("predict_x0", true);
    linearB =
        options
            .choice("solver_type", "bh2", List.of("bh1", "bh2", "midpoint", "heun", "logrho"))
            .equals("bh1");
    solverOrder = options.integer("solver_order", 2, 1, Integer.MAX_VALUE);
    lowerOrderFinal = options.flag("lower_order_final", true);
    disableCorrector = options.integers("disable_corrector");
    timesteps = new SolverTimesteps(NAME, options, false);
    if (!predictOriginal && timesteps.finalSigma() == FinalSigma.ZERO) {
      throw new IllegalArgumentException(
          NAME
              + ": predict_x0 false cannot end at final_sigmas_type zero, where its noise estimate"
              + " is undefined; use final_sigmas_type sigma_min, or predict_x0 true");
    }
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
    return new Run(timesteps.levels(plan));
  }

  private final class Run extends LogSnrSampler {
    /** What the steps so far predicted (x₀ or ε), newest last. */
    private final List<Tensor> predictions = new ArrayList<>();

    /** The corrected sample that the last prediction was made from. */
    private @Nullable Tensor lastSample;

    private int lastOrder;

    Run(SigmaSchedule.Levels levels) {
      super(levels);
    }

    @Override
    Step advance(Tensor modelOutput, int index, Tensor sample, TorchRandom random) {
      float alpha = alpha(index);
      float spread = spread(index);
      Tensor original = prediction.originalSample(sample, modelOutput, alpha, spread);
      Tensor predicted;
      if (predictOriginal) {
        original = bounds.apply(original);
        predicted = original.copy();
      } else {
        predicted = prediction.epsilon(sample, modelOutput, alpha, spread);
      }
      Tensor start =
          lastSample == null || disableCorrector.contains(index - 1)
              ? sample.copy()
              : update(lastSample, index - 1, lastOrder, predicted);

      predictions.add(predicted);
      if (predictions.size() > solverOrder) {
        predictions.remove(0);
      }
      lastSample = start;
      lastOrder = order(index);
      return new Step(update(start, index, lastOrder, null), original);
    }

    private int order(int index) {
      // To a clean sample the step in λ is infinite, and only the first order is finite.
      int left = lowerOrderFinal ? count() - index : sigma(index + 1) == 0 ? 1 : solverOrder;
      return Math.min(left, predictions.size());
    }

    /**
     * One update from an index to the next: of the predictor (UniP), or of the corrector (UniC) if
     * the prediction at the next index is known.
     */
    private Tensor update(Tensor sample, int index, int order, @Nullable Tensor atNext) {
      float lambda = lambda(index);
      float h = lambda(index + 1) - lambda;
      float hh = predictOriginal ? -h : h;
      float phi1 = (float) Math.expm1(hh);
      float bh = linearB ? hh : phi1;

      float sampleWeight;
      float weight;
      if (predictOriginal) {
        sampleWeight = spread(index + 1) / spread(index);
        weight = alpha(index + 1);
      } else {
        sampleWeight = alpha(index + 1) / alpha(index);
        weight = spread(index + 1);
      }
      float newestWeight = weight * phi1;
      Tensor newest = predictions.get(predictions.size() - 1);
      Tensor next = map(sample, newest, (x, m) -> sampleWeight * x - newestWeight * m);
      if (order == 1 && atNext == null) {
        return next;
      }

      float[] ratios = new float[order];
      for (int k = 1; k < order; k++) {
        ratios[k - 1] = (lambda(index - k) - lambda) / h;
      }
      ratios[order - 1] = 1;
      float[] rhos = rhos(ratios, hh, phi1, bh, atNext == null);

      Tensor residual = null;
      for (int k = 1; k < order; k++) {
        float ratio = ratios[k - 1];
        float rho = rhos[k - 1];
        Tensor before = predictions.get(predictions.size() - 1 - k);
        Tensor term = map(before, newest, (m, m0) -> rho * ((m - m0) / ratio));
        residual = residual == null ? term : map(residual, term, Float::sum);
      }
      if (atNext != null) {
        float rho = rhos[order - 1];
        Tensor term = map(atNext, newest, (m, m0) -> rho * (m - m0));
        residual = residual == null ? term : map(residual, term, Float::sum);
      }
      float residualWeight = weight * bh;
      return map(next, residual, (x, r) -> x - residualWeight * r);
    }

    /** Solves formula 10 of the paper for the weights of the differences. */
    private float[] rhos(float[] ratios, float hh, float phi1, float bh, boolean predictor) {
      int order = ratios.length;
      int size = predictor ? order - 1 : order;
      if (size == 1) {
        return new float[] {0.5f}; // a shorthand of the paper's, not the solution
      }
      double[][] powers = new double[size][size];
      double[] right = new double[size];
      float phi = phi1 / hh - 1;
      float factorial = 1;
      for (int i = 0; i < size; i++) {
        for (int k = 0; k < size; k++) {
          powers[i][k] = (float) Math.pow(ratios[k], i);
        }
        right[i] = phi * factorial / bh;
        factorial *= i + 2;
        phi = phi / hh - 1 / factorial;
      }
      double[] solution =
          new LUDecomposition(new Array2DRowRealMatrix(powers, false))
              .getSolver()
              .solve(new ArrayRealVector(right, false))
              .toArray();
      float[] rhos = new float[size];
      for (int i = 0; i < size; i++) {
        rhos[i] = (float) solution[i];
      }
      return rhos;
    }
  }
}
