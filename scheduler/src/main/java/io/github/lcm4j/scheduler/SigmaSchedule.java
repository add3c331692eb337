package io.github.lcm4j.scheduler;

import java.util.Arrays;
import org.apache.commons.math3.distribution.BetaDistribution;
import org.jspecify.annotations.Nullable;

/**
 * Noise levels σ of the training timesteps, and the ways to choose those of a run from them: at
 * given timesteps, or spaced in σ itself.
 */
final class SigmaSchedule {
  /** How the levels of a run are spaced. */
  enum Spacing {
    /** As their timesteps are. */
    TIMESTEPS,
    /** Evenly in σ^(1/7): Karras et al. (2022), formula 5. */
    KARRAS,
    /** Evenly in log σ. */
    EXPONENTIAL,
    /** At quantiles of the distribution Beta(0.6, 0.6): Lee et al. (2024), "Beta Sampling". */
    BETA,
    /** Evenly in the log-SNR: Lu et al. (2022), "DPM-Solver". */
    LU
  }

  /**
   * The levels of a run.
   *
   * @param timesteps descending timesteps
   * @param sigmas their levels and one more that the last step leads to
   */
  record Levels(double[] timesteps, float[] sigmas) {}

  private static final double RHO = 7;
  private static final double BETA_SHAPE = 0.6;
  private static final double QUANTILE_ACCURACY = 1e-15;

  private final float[] sigmas;
  private final float[] logSigmas;
  private final Spacing spacing;
  private final @Nullable Double sigmaMin;
  private final @Nullable Double sigmaMax;

  private SigmaSchedule(
      float[] sigmas, Spacing spacing, @Nullable Double sigmaMin, @Nullable Double sigmaMax) {
    this.sigmas = sigmas;
    this.spacing = spacing;
    this.sigmaMin = sigmaMin;
    this.sigmaMax = sigmaMax;
    logSigmas = new float[sigmas.length];
    for (int i = 0; i < sigmas.length; i++) {
      logSigmas[i] = (float) Math.log(sigmas[i]);
    }
  }

  /** For a scheduler that knows no spacing but that of its timesteps. */
  static SigmaSchedule of(NoiseSchedule schedule) {
    return new SigmaSchedule(schedule.sigmas(), Spacing.TIMESTEPS, null, null);
  }

  /**
   * For a scheduler that knows Karras, exponential and beta levels.
   *
   * @throws IllegalArgumentException if more than one of them is asked for
   */
  static SigmaSchedule read(Options options, NoiseSchedule schedule) {
    boolean karras = options.flag("use_karras_sigmas", false);
    boolean exponential = options.flag("use_exponential_sigmas", false);
    boolean beta = options.flag("use_beta_sigmas", false);
    Spacing spacing =
        karras
            ? Spacing.KARRAS
            : exponential ? Spacing.EXPONENTIAL : beta ? Spacing.BETA : Spacing.TIMESTEPS;
    if (karras && exponential || karras && beta || exponential && beta) {
      throw new IllegalArgumentException(
          "%s: only one of use_karras_sigmas, use_exponential_sigmas and use_beta_sigmas may be true"
              .formatted(options.scheduler()));
    }
    return new SigmaSchedule(
        schedule.sigmas(),
        spacing,
        options.positiveOrNull("sigma_min"),
        options.positiveOrNull("sigma_max"));
  }

  Spacing spacing() {
    return spacing;
  }

  /** This schedule with levels spaced in the log-SNR. */
  SigmaSchedule withLuSpacing() {
    return new SigmaSchedule(sigmas, Spacing.LU, null, null);
  }

  /** This schedule without the bounds that the options set. */
  SigmaSchedule unbounded() {
    return new SigmaSchedule(sigmas, spacing, null, null);
  }

  /** The level of the cleanest training timestep. */
  float lowest() {
    return sigmas[0];
  }

  /**
   * The levels of a run of which the timesteps are known, unless it is spaced in σ; then between
   * the levels of the first and the last timestep.
   *
   * @param timesteps descending, of which only the ends count for a run spaced in σ
   * @param finalSigma the level that the last step leads to
   */
  Levels levels(double[] timesteps, float finalSigma) {
    return levels(timesteps, at(timesteps), finalSigma);
  }

  /** As {@link #levels(double[], float)}, from levels already chosen for the timesteps. */
  Levels levels(double[] timesteps, double[] chosen, float finalSigma) {
    if (spacing == Spacing.TIMESTEPS) {
      return new Levels(timesteps, withFinal(chosen, finalSigma));
    }
    double[] spaced = spaced(chosen[0], chosen[chosen.length - 1], timesteps.length);
    double[] at = new double[spaced.length];
    for (int i = 0; i < at.length; i++) {
      at[i] = (float) timestepOf(spaced[i]);
    }
    return new Levels(at, withFinal(spaced, finalSigma));
  }

  /** Levels at timesteps, interpolated as numpy.interp does. */
  double[] at(double[] timesteps) {
    double[] levels = new double[timesteps.length];
    int last = sigmas.length - 1;
    for (int i = 0; i < levels.length; i++) {
      int below = (int) Math.floor(timesteps[i]);
      if (below < 0) {
        levels[i] = sigmas[0];
      } else if (below >= last) {
        levels[i] = sigmas[last];
      } else {
        double slope = (double) sigmas[below + 1] - sigmas[below];
        levels[i] = slope * (timesteps[i] - below) + sigmas[below];
      }
    }
    return levels;
  }

  /** Levels evenly spaced in log σ over all of the training timesteps, rounded to float32. */
  double[] logLinear(int count) {
    float first = logSigmas[logSigmas.length - 1];
    float last = logSigmas[0];
    double[] levels = TimestepSpacing.linspace(first, last, count);
    for (int i = 0; i < count; i++) {
      levels[i] = (float) Math.exp((float) levels[i]);
    }
    return levels;
  }

  /**
   * The descending levels of a solver's run spaced in σ over all of the training timesteps.
   *
   * @param count number of levels
   */
  double[] spaced(int count) {
    return spaced(sigmas[sigmas.length - 1], sigmas[0], count);
  }

  private double[] spaced(double highest, double lowest, int count) {
    double high = sigmaMax == null ? highest : sigmaMax;
    double low = sigmaMin == null ? lowest : sigmaMin;
    double[] ramp = TimestepSpacing.linspace(0, 1, count);
    double[] levels = new double[count];
    switch (spacing) {
      case KARRAS -> {
        double from = Math.pow(high, 1 / RHO);
        double to = Math.pow(low, 1 / RHO);
        Arrays.setAll(levels, i -> Math.pow(from + ramp[i] * (to - from), RHO));
      }
      case EXPONENTIAL -> {
        double[] logs = TimestepSpacing.linspace(Math.log(high), Math.log(low), count);
        Arrays.setAll(levels, i -> Math.exp(logs[i]));
      }
      case BETA -> {
        BetaDistribution beta =
            new BetaDistribution(null, BETA_SHAPE, BETA_SHAPE, QUANTILE_ACCURACY);
        Arrays.setAll(
            levels, i -> low + beta.inverseCumulativeProbability(1 - ramp[i]) * (high - low));
      }
      case LU -> {
        double from = logSigmas[logSigmas.length - 1];
        double to = logSigmas[0];
        Arrays.setAll(levels, i -> Math.exp(from + ramp[i] * (to - from)));
      }
      case TIMESTEPS -> throw new IllegalStateException("not spaced in sigma");
    }
    return levels;
  }

  /** The timestep of a level, interpolated in log σ and kept inside the training timesteps. */
  double timestepOf(double sigma) {
    double log = Math.log(Math.max(sigma, 1e-10));
    int low = logSigmas.length - 1;
    while (low > 0 && log < logSigmas[low]) {
      low--;
    }
    low = Math.max(Math.min(low, logSigmas.length - 2), 0);
    int high = Math.min(low + 1, logSigmas.length - 1);
    double weight = (logSigmas[low] - log) / (logSigmas[low] - logSigmas[high]);
    double clipped = Math.min(Math.max(weight, 0), 1);
    return (1 - clipped) * low + clipped * high;
  }

  static float[] withFinal(double[] levels, float finalSigma) {
    float[] sigmas = new float[levels.length + 1];
    for (int i = 0; i < levels.length; i++) {
      sigmas[i] = (float) levels[i];
    }
    sigmas[levels.length] = finalSigma;
    return sigmas;
  }
}
