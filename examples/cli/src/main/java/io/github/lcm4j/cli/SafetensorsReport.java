package io.github.lcm4j.cli;

import io.github.lcm4j.safetensors.WeightSource;
import java.util.ArrayList;
import java.util.List;

/** What a safetensors file holds. */
final class SafetensorsReport {
  private SafetensorsReport() {}

  static List<String> lines(WeightSource source) {
    List<String> lines = new ArrayList<>();
    lines.add("%s: %s".formatted(source.description(), WeightSummary.of(source).oneLine()));
    source.metadata().forEach((key, value) -> lines.add("  metadata %s: %s".formatted(key, value)));
    return lines;
  }
}
