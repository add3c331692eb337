package io.github.lcm4j.scheduler;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/**
 * The forward process: how much of the clean sample is left at each training timestep.
 *
 * @param alphasCumprod ᾱ of each training timestep, falling from almost 1
 */
record NoiseSchedule(float[] alphasCumprod) {
  private static final float FINITE_ZERO_SNR = 0x1p-24f;

  /** What {@code rescale_betas_zero_snr} does to a scheduler. */
  enum ZeroSnr {
    /** The scheduler has no such option. */
    NONE,
    /** The last ᾱ becomes 0. */
    EXACT,
    /** The last ᾱ becomes 2⁻²⁴, so that its noise level σ stays finite. */
    FINITE
  }

  /** What a scheduler assumes where the options say nothing, and the schedules it knows. */
  record Defaults(
      double betaStart, double betaEnd, BetaSchedule schedule, Set<BetaSchedule> known) {
    private static final Set<BetaSchedule> COMMON =
        sorted(BetaSchedule.LINEAR, BetaSchedule.SCALED_LINEAR, BetaSchedule.SQUAREDCOS_CAP_V2);

    static final Defaults STANDARD = new Defaults(0.0001, 0.02, BetaSchedule.LINEAR, COMMON);
    static final Defaults CONSISTENCY =
        new Defaults(0.00085, 0.012, BetaSchedule.SCALED_LINEAR, COMMON);

    static final Defaults HEUN =
        new Defaults(0.00085, 0.012, BetaSchedule.LINEAR, COMMON).alsoKnowing(BetaSchedule.EXP);
    static final Defaults DDPM = STANDARD.alsoKnowing(BetaSchedule.LAPLACE, BetaSchedule.SIGMOID);

    private Defaults alsoKnowing(BetaSchedule... more) {
      Set<BetaSchedule> all = sorted(more);
      all.addAll(known);
      return new Defaults(betaStart, betaEnd, schedule, all);
    }

    private static Set<BetaSchedule> sorted(BetaSchedule... schedules) {
      Set<BetaSchedule> set = EnumSet.noneOf(BetaSchedule.class);
      Collections.addAll(set, schedules);
      return set;
    }
  }

  /**
   * The schedule that a scheduler's options describe.
   *
   * @throws IllegalArgumentException if an option has a wrong type or an unknown value
   */
  static NoiseSchedule read(Options options, Defaults defaults, ZeroSnr zeroSnr) {
    int count = options.integer("num_train_timesteps", 1000, 1, Integer.MAX_VALUE);
    BetaSchedule schedule = options.choice("beta_schedule", defaults.schedule, defaults.known);
    double start = options.fraction("beta_start", defaults.betaStart);
    double end = options.fraction("beta_end", defaults.betaEnd);
    double[] trained = options.numbers("trained_betas");
    float[] betas;
    if (trained == null) {
      betas = schedule.betas(count, start, end);
    } else {
      if (trained.length != count) {
        throw options.invalid("trained_betas", "as long as num_train_timesteps, which is " + count);
      }
      betas = new float[count];
      for (int i = 0; i < count; i++) {
        betas[i] = (float) trained[i];
      }
    }
    if (zeroSnr == ZeroSnr.NONE || !options.flag("rescale_betas_zero_snr", false)) {
      return new NoiseSchedule(cumulativeAlphas(betas));
    }
    float[] rescaled = cumulativeAlphas(zeroTerminalSnr(betas));
    if (zeroSnr == ZeroSnr.FINITE) {
      rescaled[count - 1] = FINITE_ZERO_SNR;
    }
    return new NoiseSchedule(rescaled);
  }

  /** Number of training timesteps. */
  int trainTimesteps() {
    return alphasCumprod.length;
  }

  /** Noise level σ = √((1 − ᾱ) / ᾱ) of each training timestep, rising. */
  float[] sigmas() {
    float[] sigmas = new float[alphasCumprod.length];
    for (int i = 0; i < sigmas.length; i++) {
      // The level of the finite zero SNR lies half-way between two floats. PyTorch rounds it up,
      // and a run that starts there magnifies the difference.
      sigmas[i] =
          alphasCumprod[i] == FINITE_ZERO_SNR
              ? 0x1p12f
              : (float) Math.sqrt((1 - alphasCumprod[i]) / alphasCumprod[i]);
    }
    return sigmas;
  }

  private static float[] cumulativeAlphas(float[] betas) {
    float[] alphas = new float[betas.length];
    double product = 1; // torch.cumprod on the CPU also accumulates float32 in double
    for (int i = 0; i < betas.length; i++) {
      product *= 1 - betas[i];
      alphas[i] = (float) product;
    }
    return alphas;
  }

  /** Algorithm 1 of Lin et al. (2024), "Common Diffusion Noise Schedules … are Flawed". */
  private static float[] zeroTerminalSnr(float[] betas) {
    float[] roots = cumulativeAlphas(betas);
    for (int i = 0; i < roots.length; i++) {
      roots[i] = (float) Math.sqrt(roots[i]);
    }
    float first = roots[0];
    float last = roots[roots.length - 1];
    float scale = first / (first - last);
    float[] rescaled = new float[betas.length];
    float before = 1;
    for (int i = 0; i < betas.length; i++) {
      float root = (roots[i] - last) * scale;
      float alphaBar = root * root;
      rescaled[i] = 1 - alphaBar / before;
      before = alphaBar;
    }
    return rescaled;
  }
}
