package io.github.lcm4j;

import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a run is to be sampled: what diffusers passes to {@code set_timesteps} and {@code step}.
 *
 * @param steps number of inference steps, ≥ 1; ignored where {@code timesteps} are given
 * @param strength share of the schedule that LCM's own image-to-image uses, in (0, 1]; only
 *     distilled schedulers (LCM) read it
 * @param originalInferenceSteps LCM's number of distillation steps, or null for the scheduler's
 *     configuration
 * @param timesteps explicit descending timesteps, or null
 * @param eta DDIM's and TCD's noise weight: DDIM 0 (deterministic) to 1 (DDPM); null for the
 *     scheduler's default (DDIM 0, TCD 0.3)
 */
public record SamplingPlan(
    int steps,
    double strength,
    @Nullable Integer originalInferenceSteps,
    long @Nullable [] timesteps,
    @Nullable Double eta) {

  /** Checks what can be checked without a scheduler, and copies the timesteps. */
  public SamplingPlan {
    if (timesteps == null && steps < 1) {
      throw new IllegalArgumentException("steps must be at least 1, found " + steps);
    }
    if (!(strength > 0 && strength <= 1)) {
      throw new IllegalArgumentException(
          "strength must be above 0 and at most 1, found " + strength);
    }
    if (timesteps != null) {
      if (timesteps.length == 0) {
        throw new IllegalArgumentException("timesteps must not be empty");
      }
      timesteps = timesteps.clone();
    }
  }

  /**
   * A plan with defaults for all but the number of steps.
   *
   * @param steps number of inference steps, ≥ 1
   */
  public static SamplingPlan of(int steps) {
    return new SamplingPlan(steps, 1.0, null, null, null);
  }

  /**
   * A plan with explicit timesteps.
   *
   * @param timesteps descending timesteps of the training schedule
   */
  public static SamplingPlan ofTimesteps(long... timesteps) {
    return new SamplingPlan(timesteps.length, 1.0, null, timesteps, null);
  }

  /** This plan with another strength. */
  public SamplingPlan strength(double value) {
    return new SamplingPlan(steps, value, originalInferenceSteps, timesteps, eta);
  }

  /** This plan with another number of distillation steps. */
  public SamplingPlan originalInferenceSteps(@Nullable Integer value) {
    return new SamplingPlan(steps, strength, value, timesteps, eta);
  }

  /** This plan with another noise weight. */
  public SamplingPlan eta(@Nullable Double value) {
    return new SamplingPlan(steps, strength, originalInferenceSteps, timesteps, value);
  }

  @Override
  public long @Nullable [] timesteps() {
    return timesteps == null ? null : timesteps.clone();
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof SamplingPlan that
        && steps == that.steps
        && strength == that.strength
        && Objects.equals(originalInferenceSteps, that.originalInferenceSteps)
        && Arrays.equals(timesteps, that.timesteps)
        && Objects.equals(eta, that.eta);
  }

  @Override
  public int hashCode() {
    return Objects.hash(steps, strength, originalInferenceSteps, Arrays.hashCode(timesteps), eta);
  }

  @Override
  public String toString() {
    return "SamplingPlan[steps=%d, strength=%s, originalInferenceSteps=%s, timesteps=%s, eta=%s]"
        .formatted(steps, strength, originalInferenceSteps, Arrays.toString(timesteps), eta);
  }
}
