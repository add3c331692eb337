package io.github.lcm4j.benchmarks.report;

import io.github.lcm4j.benchmarks.Sampling;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The measured latencies, and extrapolations for what was not run as a whole. */
public final class Latencies {
  private static final String GENERATE = "StepsVersusLatency.generate";
  private static final List<String> PARTS =
      List.of("Parts.textEncoders", "Parts.unetStep", "Parts.vaeDecode");

  private final Map<Case, List<Latency>> byCase = new LinkedHashMap<>();

  private Latencies() {}

  /**
   * Collects the latencies.
   *
   * @param measurements what was measured
   * @param samplings what is wanted of every case
   */
  public static Latencies of(List<Measurement> measurements, List<Sampling> samplings) {
    Latencies latencies = new Latencies();
    for (Measurement measurement : measurements) {
      if (measurement.benchmark().equals(GENERATE)) {
        latencies.add(
            new Latency(
                measurement.subject(),
                Sampling.parse(measurement.parameter("sampling")),
                measurement.time(),
                false));
      }
    }
    for (Measurement measurement : measurements) {
      if (measurement.benchmark().equals("Parts.unetStep")
          && !latencies.byCase.containsKey(measurement.subject())) {
        latencies.extrapolate(measurement.subject(), measurements, samplings);
      }
    }
    return latencies;
  }

  private void add(Latency latency) {
    byCase.computeIfAbsent(latency.subject(), key -> new ArrayList<>()).add(latency);
  }

  /** Text encoding, steps times UNet, and decoding; the scheduler takes far under a percent. */
  private void extrapolate(Case subject, List<Measurement> measurements, List<Sampling> samplings) {
    Optional<Double> text = time(measurements, PARTS.get(0), subject);
    Optional<Double> step = time(measurements, PARTS.get(1), subject);
    Optional<Double> decode = time(measurements, PARTS.get(2), subject);
    Case doubled =
        new Case(subject.checkpoint(), subject.dtype(), subject.pixels(), 2 * subject.batch());
    Optional<Double> guidedStep = time(measurements, PARTS.get(1), doubled);
    if (text.isEmpty() || step.isEmpty() || decode.isEmpty() || guidedStep.isEmpty()) {
      return;
    }
    for (Sampling sampling : samplings) {
      double seconds =
          (sampling.lcm() ? 1 : 2) * text.get()
              + sampling.steps() * (sampling.lcm() ? step.get() : guidedStep.get())
              + subject.batch() * decode.get();
      add(new Latency(subject, sampling, new Spread(seconds, seconds, seconds), true));
    }
  }

  private static Optional<Double> time(
      List<Measurement> measurements, String benchmark, Case subject) {
    return measurements.stream()
        .filter(m -> m.benchmark().equals(benchmark) && m.subject().equals(subject))
        .map(m -> m.time().middle())
        .findFirst();
  }

  /** The cases in the order in which they were measured. */
  public List<Case> cases() {
    return List.copyOf(byCase.keySet());
  }

  /** The latencies of a case. */
  public List<Latency> of(Case subject) {
    return List.copyOf(byCase.getOrDefault(subject, List.of()));
  }

  /** The latency of a case with a sampling. */
  public Optional<Latency> of(Case subject, Sampling sampling) {
    return of(subject).stream().filter(l -> l.sampling().equals(sampling)).findFirst();
  }

  /** How many times as long 25 guided steps of the base take as 4 steps with LCM-LoRA. */
  public Optional<Double> ratio(Case subject) {
    Optional<Latency> few = of(subject, new Sampling(true, 4));
    Optional<Latency> many = of(subject, new Sampling(false, 25));
    return few.isEmpty() || many.isEmpty()
        ? Optional.empty()
        : Optional.of(many.get().seconds().middle() / few.get().seconds().middle());
  }
}
