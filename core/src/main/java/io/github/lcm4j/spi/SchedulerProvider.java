package io.github.lcm4j.spi;

import io.github.lcm4j.SchedulerFactory;
import java.util.Map;

/** Schedulers that can be chosen by name, found with {@link java.util.ServiceLoader}. */
public interface SchedulerProvider {
  /**
   * Factories by diffusers class name, for instance {@code LCMScheduler}, in the order in which
   * they are to be listed.
   */
  Map<String, SchedulerFactory> schedulers();
}
