package io.github.lcm4j.scheduler;

import io.github.lcm4j.SamplingPlan;
import java.util.Arrays;

/**
 * The timesteps of a distilled model: evenly spaced entries of the schedule it was distilled on,
 * which strength shortens from the noisy end (Luo et al. 2023, section 4.3).
 *
 * @param timesteps descending timesteps of the run
 * @param lastIndex index after whose step no noise is added. Equal to the last of {@code timesteps}
 *     but for explicit timesteps cut by strength, where diffusers counts the ones cut off too and
 *     so adds noise after every step
 */
record ConsistencyTimesteps(double[] timesteps, int lastIndex) {

  /**
   * Follows a plan.
   *
   * @param scheduler name for messages
   * @param plan the plan
   * @param train number of training timesteps
   * @param configuredSteps the configuration's original_inference_steps
   * @param explicitMeansAll whether original steps given with the plan select from all training
   *     timesteps (TCD) or from that many of them (LCM)
   */
  static ConsistencyTimesteps of(
      String scheduler,
      SamplingPlan plan,
      int train,
      int configuredSteps,
      boolean explicitMeansAll) {
    Integer explicitSteps = plan.originalInferenceSteps();
    int originalSteps = explicitSteps == null ? configuredSteps : explicitSteps;
    boolean all = explicitMeansAll && explicitSteps != null;
    if (originalSteps < 1 || !all && originalSteps > train) {
      String message =
          "%s: %soriginal_inference_steps %d must be at least 1 and at most the %d training timesteps"
                  .formatted(
                      scheduler,
                      explicitSteps == null ? "the configuration's " : "",
                      originalSteps,
                      train)
              + " of the model; set it to the number the model was distilled with, usually 50";
      throw explicitSteps == null
          ? new IllegalStateException(message)
          : new IllegalArgumentException(message);
    }
    long[] explicit = plan.timesteps();
    if (explicit != null) {
      return cut(scheduler, explicit, train, plan.strength());
    }
    int steps = plan.steps();
    Plans.requireAtMost(scheduler, steps, train);
    int stride = all ? 1 : train / originalSteps;
    int available = (int) ((all ? train : originalSteps) * plan.strength());
    if (steps > available || steps > originalSteps) {
      throw tooFew(scheduler, steps, originalSteps, plan.strength(), available);
    }
    double[] timesteps = new double[steps];
    double share = available / (double) steps;
    for (int i = 0; i < steps; i++) {
      timesteps[i] = (available - (int) (i * share)) * stride - 1;
    }
    return new ConsistencyTimesteps(timesteps, steps - 1);
  }

  private static ConsistencyTimesteps cut(
      String scheduler, long[] explicit, int train, double strength) {
    Plans.requireDescending(scheduler, explicit, train);
    int kept = (int) (explicit.length * strength);
    if (kept == 0) {
      throw new IllegalArgumentException(
          "%s: strength %s leaves none of %d timesteps; raise it to at least %s or give more timesteps"
              .formatted(scheduler, strength, explicit.length, 1.0 / explicit.length));
    }
    double[] timesteps =
        Arrays.stream(explicit).skip(explicit.length - kept).asDoubleStream().toArray();
    return new ConsistencyTimesteps(timesteps, explicit.length - 1);
  }

  private static IllegalArgumentException tooFew(
      String scheduler, int steps, int originalSteps, double strength, int available) {
    double needed = steps / (double) originalSteps;
    String remedy =
        needed <= 1
            ? "raise strength to at least " + needed
            : "raise original_inference_steps to at least " + steps;
    return new IllegalArgumentException(
        "%s: %d steps do not fit original_inference_steps × strength = %d × %s; use at most %d steps or %s"
            .formatted(
                scheduler,
                steps,
                originalSteps,
                strength,
                Math.min(available, originalSteps),
                remedy));
  }
}
