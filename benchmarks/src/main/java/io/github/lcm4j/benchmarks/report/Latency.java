package io.github.lcm4j.benchmarks.report;

import io.github.lcm4j.benchmarks.Sampling;

/**
 * Time of one {@code generate} call.
 *
 * @param subject model and size
 * @param sampling scheduler and steps
 * @param seconds the time
 * @param extrapolated whether it was put together from one evaluation of each part
 */
public record Latency(Case subject, Sampling sampling, Spread seconds, boolean extrapolated) {}
