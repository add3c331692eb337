package io.github.lcm4j.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.safetensors.WeightSource;
import java.io.IOException;
import java.nio.file.Path;
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
   * A whole number of the configuration.
   *
   * @throws CheckpointException if it is missing or not a whole number; the message names the file
   */
  public int requireInt(String key) throws CheckpointException {
    JsonNode node = config.path(key);
    if (!node.isIntegralNumber() || !node.canConvertToInt()) {
      throw new CheckpointException(
          "%s: %s must be a whole number, found %s"
              .formatted(folder.resolve("config.json"), key, describe(node)));
    }
    return node.intValue();
  }

  /** A whole number of the configuration, or a default where it is missing or null. */
  public int intOr(String key, int otherwise) {
    JsonNode node = config.path(key);
    return node.isIntegralNumber() ? node.intValue() : otherwise;
  }

  /** A number of the configuration, or a default where it is missing or null. */
  public double doubleOr(String key, double otherwise) {
    JsonNode node = config.path(key);
    return node.isNumber() ? node.doubleValue() : otherwise;
  }

  /** A truth value of the configuration, or a default where it is missing or null. */
  public boolean booleanOr(String key, boolean otherwise) {
    JsonNode node = config.path(key);
    return node.isBoolean() ? node.booleanValue() : otherwise;
  }

  /** A string of the configuration, or a default where it is missing or null. */
  public String textOr(String key, String otherwise) {
    JsonNode node = config.path(key);
    return node.isTextual() ? node.textValue() : otherwise;
  }

  private static String describe(JsonNode node) {
    return node.isMissingNode() ? "nothing" : node.toString();
  }
}
