package io.github.lcm4j.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.safetensors.WeightSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One part of a checkpoint: its folder, its class and its {@code config.json}.
 *
 * @param name the folder's name, for instance {@code unet}
 * @param className the diffusers or transformers class, for instance {@code UNet2DConditionModel};
 *     empty if nothing says it
 * @param folder the folder
 * @param config the contents of {@code config.json}; an empty object if there is none
 * @param onnxFile the ONNX graph if this part is an ONNX export, else null
 */
public record Component(
    String name, String className, Path folder, JsonNode config, @Nullable Path onnxFile) {

  /** Stems under which weights are published, the more usual one first. */
  private static final List<String> STEMS = List.of("diffusion_pytorch_model", "model");

  /** Whether this part is an ONNX export rather than a folder of safetensors weights. */
  public boolean isOnnx() {
    return onnxFile != null;
  }

  /**
   * Opens the weights: one file, shards behind an index, or a half-precision variant where only
   * that is there.
   *
   * @throws IOException if there are none or they are damaged; the message names the folder or file
   */
  public WeightSource openWeights() throws IOException {
    return WeightFiles.open(folder, STEMS);
  }

  /**
   * Refuses a part whose {@code config.json} is missing or empty: defaults would hardly be right.
   *
   * @throws CheckpointException if it is; the message names the file
   */
  public void requireConfig() throws CheckpointException {
    if (config.isEmpty()) {
      throw new CheckpointException(
          "%s is missing or empty; it says how the network is built"
              .formatted(folder.resolve("config.json")));
    }
  }

  /**
   * A whole number of the configuration.
   *
   * @throws CheckpointException if it is missing or not a whole number; the message names the file
   */
  public int requireInt(String key) throws CheckpointException {
    JsonNode node = config.path(key);
    if (!isInt(node)) {
      throw new CheckpointException(wrongType(key, "a whole number", node));
    }
    return node.intValue();
  }

  /**
   * A whole number of the configuration, or a default where it is missing or null.
   *
   * @throws IllegalArgumentException if it is something else; the message names the file
   */
  public int intOr(String key, int otherwise) {
    JsonNode node = config.path(key);
    return isUnset(node) ? otherwise : require(isInt(node), key, "a whole number", node).intValue();
  }

  /**
   * A number of the configuration, or a default where it is missing or null.
   *
   * @throws IllegalArgumentException if it is something else; the message names the file
   */
  public double doubleOr(String key, double otherwise) {
    JsonNode node = config.path(key);
    return isUnset(node)
        ? otherwise
        : require(node.isNumber(), key, "a number", node).doubleValue();
  }

  /**
   * A truth value of the configuration, or a default where it is missing or null.
   *
   * @throws IllegalArgumentException if it is something else; the message names the file
   */
  public boolean booleanOr(String key, boolean otherwise) {
    JsonNode node = config.path(key);
    return isUnset(node)
        ? otherwise
        : require(node.isBoolean(), key, "true or false", node).booleanValue();
  }

  /**
   * A string of the configuration, or a default where it is missing or null.
   *
   * @throws IllegalArgumentException if it is something else; the message names the file
   */
  public String textOr(String key, String otherwise) {
    JsonNode node = config.path(key);
    return isUnset(node) ? otherwise : require(node.isTextual(), key, "a string", node).textValue();
  }

  /**
   * A list of whole numbers of the configuration, or a default where it is missing or null.
   *
   * @throws IllegalArgumentException if it is something else; the message names the file
   */
  public List<Integer> intsOr(String key, List<Integer> otherwise) {
    JsonNode node = config.path(key);
    if (isUnset(node)) {
      return otherwise;
    }
    boolean fits = node.isArray() && !node.isEmpty();
    List<Integer> values = new ArrayList<>();
    for (JsonNode entry : node) {
      fits &= isInt(entry);
      values.add(entry.intValue());
    }
    require(fits, key, "a list of whole numbers", node);
    return List.copyOf(values);
  }

  /**
   * What to throw for a value of the configuration that is of no use.
   *
   * @param expected what it must be
   */
  public CheckpointException unfit(String key, String expected) {
    return new CheckpointException(wrongType(key, expected, config.path(key)));
  }

  private static boolean isUnset(JsonNode node) {
    return node.isMissingNode() || node.isNull();
  }

  /** Some writers store a whole number as 4.0. */
  static boolean isInt(JsonNode node) {
    return node.isNumber() && node.doubleValue() == node.intValue();
  }

  private JsonNode require(boolean fits, String key, String expected, JsonNode node) {
    if (!fits) {
      throw new IllegalArgumentException(wrongType(key, expected, node));
    }
    return node;
  }

  private String wrongType(String key, String expected, JsonNode node) {
    Path file = folder.resolve("config.json");
    return config.isEmpty()
        ? "%s is missing or empty; %s must be %s".formatted(file, key, expected)
        : "%s: %s must be %s, found %s"
            .formatted(file, key, expected, node.isMissingNode() ? "nothing" : node);
  }
}
