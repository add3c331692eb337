package io.github.lcm4j.scheduler;

import io.github.lcm4j.SchedulerFactory;
import io.github.lcm4j.spi.SchedulerProvider;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** The schedulers of this module, by the names of the diffusers classes they follow. */
public final class DiffusersSchedulers implements SchedulerProvider {
  private static final Map<String, SchedulerFactory> SCHEDULERS = schedulersByName();

  /** A provider, as {@link java.util.ServiceLoader} makes it. */
  public DiffusersSchedulers() {}

  @Override
  public Map<String, SchedulerFactory> schedulers() {
    return SCHEDULERS;
  }

  private static Map<String, SchedulerFactory> schedulersByName() {
    Map<String, SchedulerFactory> schedulers = new LinkedHashMap<>();
    schedulers.put("LCMScheduler", LCMScheduler::new);
    schedulers.put("TCDScheduler", TCDScheduler::new);
    schedulers.put("DDIMScheduler", DDIMScheduler::new);
    schedulers.put("EulerDiscreteScheduler", EulerDiscreteScheduler::new);
    schedulers.put("EulerAncestralDiscreteScheduler", EulerAncestralDiscreteScheduler::new);
    schedulers.put("DPMSolverMultistepScheduler", DPMSolverMultistepScheduler::new);
    schedulers.put("UniPCMultistepScheduler", UniPCMultistepScheduler::new);
    schedulers.put("HeunDiscreteScheduler", HeunDiscreteScheduler::new);
    schedulers.put("LMSDiscreteScheduler", LMSDiscreteScheduler::new);
    schedulers.put("PNDMScheduler", PNDMScheduler::new);
    schedulers.put("DDPMScheduler", DDPMScheduler::new);
    return Collections.unmodifiableMap(schedulers);
  }
}
