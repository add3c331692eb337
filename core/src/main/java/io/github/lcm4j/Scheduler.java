package io.github.lcm4j;

/**
 * A noise schedule and its sampling rule, with an immutable configuration.
 *
 * <p>A scheduler holds no state of a run: {@link #sampler} gives each run its own {@link Sampler},
 * so one scheduler may serve any number of threads.
 */
public interface Scheduler {
  /** The name of the diffusers class this follows, for instance {@code LCMScheduler}. */
  String name();

  /**
   * Plans one run.
   *
   * @param plan number of steps or explicit timesteps, and the options of the run
   * @return the state of a new run
   * @throws IllegalArgumentException if the plan does not fit this scheduler; the message gives
   *     both values and the remedy
   */
  Sampler sampler(SamplingPlan plan);

  /**
   * Whether a plan's {@linkplain SamplingPlan#strength() strength} chooses the timesteps, as in
   * schedulers of distilled models.
   */
  default boolean readsStrength() {
    return false;
  }
}
