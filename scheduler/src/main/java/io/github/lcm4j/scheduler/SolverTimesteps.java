package io.github.lcm4j.scheduler;

import io.github.lcm4j.SamplingPlan;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The timesteps and noise levels of the multistep solvers in log-SNR: DPM-Solver and UniPC. */
final class SolverTimesteps {
  private final String scheduler;
  private final TimestepSpacing spacing;
  private final int stepsOffset;
  private final SigmaSchedule schedule;
  private final FinalSigma finalSigma;
  private final int trainTimesteps;
  private final int lastTimestep;
  private final boolean rounded;
  private final boolean dpm;

  /**
   * Reads the options.
   *
   * @param dpm whether to do as DPMSolverMultistepScheduler, which knows {@code use_lu_lambdas},
   *     {@code lambda_min_clipped} and explicit timesteps, rather than UniPCMultistepScheduler
   */
  SolverTimesteps(String scheduler, Options options, boolean dpm) {
    this.scheduler = scheduler;
    this.dpm = dpm;
    NoiseSchedule noise =
        NoiseSchedule.read(options, NoiseSchedule.Defaults.STANDARD, NoiseSchedule.ZeroSnr.FINITE);
    trainTimesteps = noise.trainTimesteps();
    spacing = TimestepSpacing.read(options, TimestepSpacing.LINSPACE);
    stepsOffset = options.integer("steps_offset", 0, 0, Integer.MAX_VALUE);
    finalSigma = FinalSigma.read(options);
    SigmaSchedule read = SigmaSchedule.read(options, noise);
    boolean lu =
        dpm
            && options.flag("use_lu_lambdas", false)
            && read.spacing() != SigmaSchedule.Spacing.KARRAS;
    schedule = lu ? read.withLuSpacing() : read;
    boolean cosine = options.says("beta_schedule", "squaredcos_cap_v2");
    rounded =
        schedule.spacing() == SigmaSchedule.Spacing.KARRAS && !(dpm && cosine) || lu && !cosine;
    lastTimestep =
        dpm
            ? trainTimesteps
                - clipped(noise, options.number("lambda_min_clipped", Double.NEGATIVE_INFINITY))
            : trainTimesteps;
    if (lastTimestep == 0) {
      throw options.invalid("lambda_min_clipped", "below the log-SNR of the cleanest timestep");
    }
  }

  FinalSigma finalSigma() {
    return finalSigma;
  }

  /** The whole timesteps of a run, and their levels. */
  SigmaSchedule.Levels levels(SamplingPlan plan) {
    double[] explicit = explicit(plan);
    boolean spacedInSigma = schedule.spacing() != SigmaSchedule.Spacing.TIMESTEPS;
    double[] sigmas;
    double[] timesteps;
    if (spacedInSigma) {
      sigmas = schedule.spaced(plan.steps());
      timesteps = Arrays.stream(sigmas).map(schedule::timestepOf).map(this::whole).toArray();
    } else {
      timesteps =
          explicit == null
              ? spacing.timestepsAboveClean(plan.steps(), trainTimesteps, lastTimestep, stepsOffset)
              : explicit;
      sigmas = schedule.at(timesteps);
    }
    // UniPC takes the lowest level of the run where that is spaced in sigma, DPM-Solver never.
    float last =
        finalSigma == FinalSigma.SIGMA_MIN && spacedInSigma && !dpm
            ? (float) sigmas[sigmas.length - 1]
            : finalSigma.of(schedule);
    return new SigmaSchedule.Levels(timesteps, SigmaSchedule.withFinal(sigmas, last));
  }

  private double @Nullable [] explicit(SamplingPlan plan) {
    if (dpm) {
      return Plans.explicit(scheduler, plan, schedule, trainTimesteps);
    }
    Plans.requireStepsOnly(scheduler, plan);
    return null;
  }

  private double whole(double timestep) {
    return rounded ? Math.rint(timestep) : Math.floor(timestep);
  }

  /** Number of the noisiest training timesteps that lie below a log-SNR. */
  private static int clipped(NoiseSchedule noise, double lambdaMin) {
    float[] alphas = noise.alphasCumprod();
    int count = 0;
    while (count < alphas.length) {
      float alpha = alphas[alphas.length - 1 - count];
      float lambda = (float) Math.log(Math.sqrt(alpha)) - (float) Math.log(Math.sqrt(1 - alpha));
      if (lambda >= lambdaMin) {
        break;
      }
      count++;
    }
    return count;
  }
}
