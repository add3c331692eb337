package io.github.lcm4j.benchmarks.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** Reads from configurations. */
final class Configs {
  private Configs() {}

  /** A list that must be there. */
  static List<Integer> integers(JsonNode config, String key) {
    JsonNode node = config.path(key);
    if (!node.isArray() || node.isEmpty()) {
      throw new IllegalArgumentException(
          "%s must be a list of whole numbers, found %s".formatted(key, node));
    }
    List<Integer> values = new ArrayList<>();
    node.forEach(entry -> values.add(entry.asInt()));
    return values;
  }

  /** A whole number that must be there. */
  static int integer(JsonNode config, String key) {
    JsonNode node = config.path(key);
    if (!node.isIntegralNumber()) {
      throw new IllegalArgumentException(
          "%s must be a whole number, found %s".formatted(key, node));
    }
    return node.intValue();
  }
}
