package io.github.lcm4j.scheduler;

import io.github.lcm4j.SamplingPlan;
import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Checks of what a plan may ask of a scheduler. */
final class Plans {
  private Plans() {}

  /** Refuses explicit timesteps and original steps, for a scheduler that takes neither. */
  static void requireStepsOnly(String scheduler, SamplingPlan plan) {
    if (plan.timesteps() != null) {
      throw new IllegalArgumentException(
          scheduler + " takes no explicit timesteps; give a number of steps instead");
    }
    requireNoOriginalSteps(scheduler, plan);
  }

  /** Refuses original steps, which only distilled schedulers take. */
  static void requireNoOriginalSteps(String scheduler, SamplingPlan plan) {
    if (plan.originalInferenceSteps() != null) {
      throw new IllegalArgumentException(
          "%s takes no original inference steps, found %d; leave them out or use LCMScheduler"
              .formatted(scheduler, plan.originalInferenceSteps()));
    }
  }

  /** Refuses more steps than training timesteps. */
  static void requireAtMost(String scheduler, int steps, int train) {
    if (steps > train) {
      throw new IllegalArgumentException(
          "%s: %d steps are more than the %d training timesteps of the model; use at most %d"
              .formatted(scheduler, steps, train, train));
    }
  }

  /** The plan's noise weight, from 0 to 1. */
  static double eta(String scheduler, SamplingPlan plan, double defaultValue) {
    Double eta = plan.eta();
    if (eta == null) {
      return defaultValue;
    }
    if (!(eta >= 0 && eta <= 1)) {
      throw new IllegalArgumentException(
          "%s: eta must be from 0 to 1, found %s".formatted(scheduler, eta));
    }
    return eta;
  }

  /**
   * The plan's explicit timesteps for a run over noise levels, or null.
   *
   * @throws IllegalArgumentException if the levels are not chosen by timestep or the timesteps do
   *     not descend from below {@code train} to 0 or above
   */
  static double @Nullable [] explicit(
      String scheduler, SamplingPlan plan, SigmaSchedule schedule, int train) {
    requireNoOriginalSteps(scheduler, plan);
    long[] timesteps = plan.timesteps();
    if (timesteps == null) {
      return null;
    }
    requireDescending(scheduler, timesteps, train);
    if (schedule.spacing() != SigmaSchedule.Spacing.TIMESTEPS) {
      throw new IllegalArgumentException(
          "%s takes no explicit timesteps with %s sigmas; give a number of steps or turn those off"
              .formatted(scheduler, schedule.spacing().name().toLowerCase(Locale.ROOT)));
    }
    return Arrays.stream(timesteps).asDoubleStream().toArray();
  }

  /**
   * Checks explicit timesteps.
   *
   * @throws IllegalArgumentException if they do not descend strictly from below {@code train} to 0
   *     or above
   */
  static void requireDescending(String scheduler, long[] timesteps, int train) {
    if (timesteps[0] >= train) {
      throw new IllegalArgumentException(
          "%s: the first timestep %d must be below the %d training timesteps of the model; start at"
                  .formatted(scheduler, timesteps[0], train)
              + " most at %d".formatted(train - 1));
    }
    for (int i = 1; i < timesteps.length; i++) {
      if (timesteps[i] >= timesteps[i - 1]) {
        throw new IllegalArgumentException(
            "%s: timestep %d follows %d; put the timesteps in descending order"
                .formatted(scheduler, timesteps[i], timesteps[i - 1]));
      }
    }
    if (timesteps[timesteps.length - 1] < 0) {
      throw new IllegalArgumentException(
          "%s: timestep %d is negative; the last may be 0 at the lowest"
              .formatted(scheduler, timesteps[timesteps.length - 1]));
    }
  }
}
