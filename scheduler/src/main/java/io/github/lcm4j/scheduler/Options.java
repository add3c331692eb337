package io.github.lcm4j.scheduler;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.SchedulerConfig;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Reads one scheduler's options with their types checked. A missing or null option takes the
 * scheduler's own default, as does one that the file lists in {@code _use_default_values}.
 */
final class Options {
  private final String scheduler;
  private final SchedulerConfig config;
  private final Set<String> defaulted = new HashSet<>();

  Options(String scheduler, SchedulerConfig config) {
    this.scheduler = scheduler;
    this.config = config;
    config.get("_use_default_values").forEach(option -> defaulted.add(option.asText()));
  }

  String scheduler() {
    return scheduler;
  }

  /** Whether an option is set to a word. */
  boolean says(String option, String word) {
    JsonNode node = node(option);
    return node != null && node.asText().equals(word);
  }

  boolean flag(String option, boolean defaultValue) {
    JsonNode node = node(option);
    if (node == null) {
      return defaultValue;
    }
    if (!node.isBoolean()) {
      throw invalid(option, "true or false");
    }
    return node.booleanValue();
  }

  int integer(String option, int defaultValue, int min, int max) {
    JsonNode node = node(option);
    if (node == null) {
      return defaultValue;
    }
    if (!node.canConvertToExactIntegral()
        || !node.canConvertToInt()
        || node.intValue() < min
        || node.intValue() > max) {
      String range = max == Integer.MAX_VALUE ? "of at least " + min : "from " + min + " to " + max;
      throw invalid(option, "a whole number " + range);
    }
    return node.intValue();
  }

  double number(String option, double defaultValue) {
    Double value = numberOrNull(option);
    return value == null ? defaultValue : value;
  }

  double fraction(String option, double defaultValue) {
    double value = number(option, defaultValue);
    if (!(value >= 0 && value <= 1)) {
      throw invalid(option, "from 0 to 1");
    }
    return value;
  }

  @Nullable Double positiveOrNull(String option) {
    Double value = numberOrNull(option);
    if (value != null && !(value > 0)) {
      throw invalid(option, "above 0");
    }
    return value;
  }

  private @Nullable Double numberOrNull(String option) {
    JsonNode node = node(option);
    if (node == null) {
      return null;
    }
    if (!node.isNumber()) {
      throw invalid(option, "a number");
    }
    return node.doubleValue();
  }

  double @Nullable [] numbers(String option) {
    JsonNode node = node(option);
    if (node == null) {
      return null;
    }
    double[] values = new double[node.size()];
    if (!node.isArray() || values.length == 0) {
      throw invalid(option, "a list of numbers");
    }
    for (int i = 0; i < values.length; i++) {
      if (!node.get(i).isNumber()) {
        throw invalid(option, "a list of numbers");
      }
      values[i] = node.get(i).doubleValue();
    }
    return values;
  }

  Set<Integer> integers(String option) {
    JsonNode node = node(option);
    Set<Integer> values = new TreeSet<>();
    if (node != null) {
      for (JsonNode value : node) {
        if (!node.isArray() || !value.canConvertToExactIntegral()) {
          throw invalid(option, "a list of whole numbers");
        }
        values.add(value.intValue());
      }
    }
    return values;
  }

  /** A value written as one of the given words. */
  String choice(String option, String defaultValue, Collection<String> allowed) {
    JsonNode node = node(option);
    if (node == null) {
      return defaultValue;
    }
    if (!node.isTextual() || !allowed.contains(node.textValue())) {
      throw invalid(option, "one of " + String.join(", ", allowed));
    }
    return node.textValue();
  }

  /** A value written as the lower-case name of one of the given constants. */
  <E extends Enum<E>> E choice(String option, E defaultValue, Collection<E> allowed) {
    List<String> words = allowed.stream().map(Options::word).toList();
    String word = choice(option, word(defaultValue), words);
    return Enum.valueOf(defaultValue.getDeclaringClass(), word.toUpperCase(Locale.ROOT));
  }

  /** Says what is wrong with an option that is set. */
  IllegalArgumentException invalid(String option, String expected) {
    return new IllegalArgumentException(
        "%s: option %s must be %s, found %s (%s)"
            .formatted(scheduler, option, expected, config.get(option), config.source()));
  }

  /** Refuses a flag that diffusers has and this library does not. */
  void requireUnset(String option, String why) {
    JsonNode node = node(option);
    if (node != null && !(node.isBoolean() && !node.booleanValue())) {
      throw invalid(option, "unset, as " + why);
    }
  }

  private @Nullable JsonNode node(String option) {
    JsonNode node = config.get(option);
    return node.isMissingNode() || node.isNull() || defaulted.contains(option) ? null : node;
  }

  private static String word(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }
}
