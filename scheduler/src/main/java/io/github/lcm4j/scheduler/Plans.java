package io.github.lcm4j.scheduler;

import io.github.lcm4j.SamplingPlan;
import java.util.Locale;

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

  /** Refuses explicit timesteps where the levels are spaced in sigma. */
  static void requireTimestepSpacing(String scheduler, SigmaSchedule schedule) {
    if (schedule.spacing() != SigmaSchedule.Spacing.TIMESTEPS) {
      throw new IllegalArgumentException(
          "%s takes no explicit timesteps with %s sigmas; give a number of steps or turn those off"
              .formatted(scheduler, schedule.spacing().name().toLowerCase(Locale.ROOT)));
    }
  }
}
