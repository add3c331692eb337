/** The schedulers: pure arithmetic on tensors. */
module io.github.lcm4j.scheduler {
  requires commons.math3;
  requires transitive io.github.lcm4j.core;
  requires static transitive org.jspecify;

  exports io.github.lcm4j.scheduler;

  provides io.github.lcm4j.spi.SchedulerProvider with
      io.github.lcm4j.scheduler.DiffusersSchedulers;
}
