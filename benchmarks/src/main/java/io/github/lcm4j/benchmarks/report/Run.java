package io.github.lcm4j.benchmarks.report;

import io.github.lcm4j.benchmarks.model.Architecture;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Everything one run of the command found out.
 *
 * @param date when
 * @param machine where
 * @param settings further settings, name to value
 * @param measurements JMH's results
 * @param architectures the networks of each checkpoint, where they could be read
 * @param sideBySide Markdown about the peers; empty for none
 * @param skipped what was not measured, and why
 */
public record Run(
    String date,
    Machine machine,
    Map<String, String> settings,
    List<Measurement> measurements,
    Map<String, Architecture> architectures,
    String sideBySide,
    List<String> skipped) {
  /** Copies the collections, keeping their order. */
  public Run {
    settings = new LinkedHashMap<>(settings);
    measurements = List.copyOf(measurements);
    architectures = Map.copyOf(architectures);
    skipped = List.copyOf(skipped);
  }

  Optional<Architecture> architecture(String checkpoint) {
    return Optional.ofNullable(architectures.get(checkpoint));
  }
}
