package io.github.lcm4j;

/** Makes a scheduler from a checkpoint's configuration; usually a constructor reference. */
@FunctionalInterface
public interface SchedulerFactory {
  /**
   * Makes the scheduler.
   *
   * @param config options of the checkpoint's {@code scheduler_config.json}
   * @return the scheduler
   * @throws IllegalArgumentException if an option has a value the scheduler does not know; the
   *     message names the option, the value and what there is
   */
  Scheduler create(SchedulerConfig config);
}
