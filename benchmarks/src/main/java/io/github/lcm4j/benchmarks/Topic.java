package io.github.lcm4j.benchmarks;

/** What can be measured. */
enum Topic {
  STEPS,
  PARTS,
  SCHEDULER,
  FOLDING,
  STARTUP,
  PEERS
}
