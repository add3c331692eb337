package io.github.lcm4j.scheduler;

import java.util.EnumSet;

/** The noise level that the last step of a run leads to. */
enum FinalSigma {
  /** Clean. */
  ZERO,
  /** The level of the cleanest training timestep. */
  SIGMA_MIN;

  static FinalSigma read(Options options) {
    return options.choice("final_sigmas_type", ZERO, EnumSet.allOf(FinalSigma.class));
  }

  float of(SigmaSchedule schedule) {
    return this == ZERO ? 0 : schedule.lowest();
  }
}
