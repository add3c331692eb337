package io.github.lcm4j;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lcm4j.json.JsonFiles;
import java.io.IOException;
import java.nio.file.Path;

/**
 * The contents of a {@code scheduler_config.json}. A scheduler takes the options it knows by their
 * diffusers names and its own defaults for the rest, as diffusers' {@code from_config} does, so a
 * configuration written for one scheduler can start another.
 */
public final class SchedulerConfig {
  // diffusers writes lambda_min_clipped as a bare -Infinity, which is Python's JSON but not JSON.
  private static final ObjectMapper MAPPER =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();
  private static final SchedulerConfig EMPTY =
      new SchedulerConfig(MAPPER.createObjectNode(), "defaults");

  private final ObjectNode options;
  private final String source;

  private SchedulerConfig(ObjectNode options, String source) {
    this.options = options;
    this.source = source;
  }

  /** No options: every scheduler's own defaults. */
  public static SchedulerConfig defaults() {
    return EMPTY;
  }

  /**
   * Reads a file.
   *
   * @param file a {@code scheduler_config.json}
   * @return its options
   * @throws IOException if the file cannot be read or is not a JSON object; the message names it
   */
  public static SchedulerConfig read(Path file) throws IOException {
    return new SchedulerConfig(JsonFiles.read(MAPPER, file), file.toString());
  }

  /**
   * Parses options.
   *
   * @param json a JSON object
   * @return its options
   * @throws IllegalArgumentException if the text is not a JSON object
   */
  public static SchedulerConfig parse(String json) {
    try {
      if (MAPPER.readTree(json) instanceof ObjectNode object) {
        return new SchedulerConfig(object, "options");
      }
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw new IllegalArgumentException("not valid JSON: " + JsonFiles.describe(e), e);
    }
    throw new IllegalArgumentException("scheduler options must be a JSON object");
  }

  /** The value of an option; a missing node (see {@link JsonNode#isMissingNode()}) if not set. */
  public JsonNode get(String option) {
    return options.path(option);
  }

  /** The scheduler class the configuration was written for; empty if it does not say. */
  public String className() {
    return options.path("_class_name").asText("");
  }

  /** A copy of all options. */
  public ObjectNode options() {
    return options.deepCopy();
  }

  /**
   * This configuration with one option set to another value.
   *
   * @param option diffusers' name of the option
   * @param value a String, Boolean, Integer, Double or null
   */
  public SchedulerConfig with(String option, @org.jspecify.annotations.Nullable Object value) {
    ObjectNode copy = options.deepCopy();
    copy.set(option, MAPPER.valueToTree(value));
    return new SchedulerConfig(copy, source);
  }

  /** Where the options come from, for messages. */
  public String source() {
    return source;
  }

  @Override
  public String toString() {
    return source + ": " + options;
  }
}
