package io.github.lcm4j.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.json.JsonFiles;
import io.github.lcm4j.safetensors.WeightSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A checkpoint folder in diffusers' layout, or in the layout of optimum's ONNX exports: which parts
 * it has, without reading any weights.
 */
public final class Checkpoint {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private static final List<String> PARTS =
      List.of(
          "unet",
          "text_encoder",
          "text_encoder_2",
          "vae",
          "vae_decoder",
          "vae_encoder",
          "controlnet");

  private static final Pattern PIPELINES =
      Pattern.compile(
          "(Onnx|ORT)?(StableDiffusion(XL)?|LatentConsistencyModel)(ControlNet)?(Img2Img|Inpaint)?Pipeline");

  private final Path folder;
  private final JsonNode modelIndex;
  private final Map<String, Component> components;

  private Checkpoint(Path folder, JsonNode modelIndex, Map<String, Component> components) {
    this.folder = folder;
    this.modelIndex = modelIndex;
    this.components = Collections.unmodifiableMap(components);
  }

  /**
   * Reads the layout of a folder.
   *
   * @param folder a folder with a {@code unet}
   * @return its parts
   * @throws CheckpointException if it is not there, is not a folder or has no {@code unet}
   * @throws IOException if a file cannot be read
   */
  public static Checkpoint open(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new CheckpointException(
          "%s %s; a checkpoint is a folder with unet, vae, text_encoder and tokenizer inside"
              .formatted(folder, Files.exists(folder) ? "is not a folder" : "does not exist"));
    }
    JsonNode modelIndex = JsonFiles.readIfThere(MAPPER, folder.resolve("model_index.json"));
    Map<String, Component> components = new LinkedHashMap<>();
    for (String name : PARTS) {
      Path part = folder.resolve(name);
      if (Files.isDirectory(part)) {
        components.put(name, component(name, part, modelIndex));
      }
    }
    if (!components.containsKey("unet")) {
      throw new CheckpointException(
          folder + " has no folder unet; is this a checkpoint in diffusers' layout?");
    }
    return new Checkpoint(folder, modelIndex, components);
  }

  /**
   * Reads a part that is published by itself, for instance a ControlNet.
   *
   * @param folder a folder with a {@code config.json}
   * @param name what to call it
   * @param className the class it must have
   * @return the part
   * @throws CheckpointException if it is not there or has another class
   * @throws IOException if a file cannot be read
   */
  public static Component openPart(Path folder, String name, String className) throws IOException {
    if (!Files.isRegularFile(folder.resolve("config.json"))) {
      throw new CheckpointException(
          "%s has no config.json; expected the folder of a %s".formatted(folder, className));
    }
    Component part = component(name, folder, JsonNodeFactory.instance.objectNode());
    requireClass(part, className);
    return part;
  }

  private static Component component(String name, Path part, JsonNode modelIndex)
      throws IOException {
    JsonNode config = JsonFiles.readIfThere(MAPPER, part.resolve("config.json"));
    String className = config.path("_class_name").asText("");
    if (className.isEmpty()) {
      className = config.path("architectures").path(0).asText("");
    }
    if (className.isEmpty()) {
      className = modelIndex.path(name).path(1).asText("");
    }
    Path onnx = part.resolve("model.onnx");
    return new Component(name, className, part, config, Files.isRegularFile(onnx) ? onnx : null);
  }

  /** The folder. */
  public Path folder() {
    return folder;
  }

  /** The contents of {@code model_index.json}; an empty object if there is none. */
  public JsonNode modelIndex() {
    return modelIndex;
  }

  /** The parts by folder name. */
  public Map<String, Component> components() {
    return components;
  }

  /** A part, if the checkpoint has it. */
  public Optional<Component> component(String name) {
    return Optional.ofNullable(components.get(name));
  }

  /**
   * A part that must be there.
   *
   * @throws CheckpointException if it is not; the message says what there is
   */
  public Component require(String name) throws CheckpointException {
    Component component = components.get(name);
    if (component == null) {
      throw new CheckpointException(
          "%s has no folder %s; found %s".formatted(folder, name, components.keySet()));
    }
    return component;
  }

  /**
   * Opens the weights of every part a picture is made with: {@code unet}, {@code text_encoder},
   * {@code vae} and, where the UNet takes what it gives, {@code text_encoder_2}.
   *
   * @return the weights by part
   * @throws CheckpointException if a part is missing, has no configuration or holds no weights
   * @throws IOException if weights are damaged or cannot be read
   */
  public Map<String, WeightSource> openWeights() throws IOException {
    require("unet").requireConfig();
    List<String> parts = new ArrayList<>(List.of("unet", "text_encoder"));
    // Only a UNet of SDXL takes what a second text encoder gives, and it cannot do without.
    if (require("unet").textOr("addition_embed_type", "").equals("text_time")) {
      parts.add("text_encoder_2");
    }
    parts.add("vae");
    Map<String, WeightSource> weights = new LinkedHashMap<>();
    for (String part : parts) {
      require(part).requireConfig();
      weights.put(part, require(part).openWeights());
    }
    return weights;
  }

  /**
   * Refuses a checkpoint of another kind of pipeline, whose pictures would be wrong.
   *
   * @throws CheckpointException if {@code model_index.json} names such a pipeline, or a part has
   *     another class than lcm4j knows
   */
  public void requireStableDiffusion() throws CheckpointException {
    String pipeline = modelIndex.path("_class_name").asText("");
    if (!pipeline.isEmpty() && !PIPELINES.matcher(pipeline).matches()) {
      throw new CheckpointException(
          "%s is for a %s; lcm4j runs Stable Diffusion 1.x, 2.x, SDXL and latent consistency models"
              .formatted(folder.resolve("model_index.json"), pipeline));
    }
    requireClass("unet", "UNet2DConditionModel");
    requireClass("text_encoder", "CLIPTextModel", "CLIPTextModelWithProjection");
    requireClass("text_encoder_2", "CLIPTextModelWithProjection", "CLIPTextModel");
    requireClass("vae", "AutoencoderKL", "AutoencoderTiny");
  }

  private void requireClass(String part, String... known) throws CheckpointException {
    Component component = components.get(part);
    if (component != null && !component.className().isEmpty()) {
      requireClass(component, known);
    }
  }

  private static void requireClass(Component component, String... known)
      throws CheckpointException {
    if (!List.of(known).contains(component.className())) {
      throw new CheckpointException(
          "%s is a %s; lcm4j runs %s"
              .formatted(component.folder(), component.className(), String.join(" and ", known)));
    }
  }

  /**
   * The scheduler's configuration. Without it the noise schedule the model was trained with is not
   * known, and any other gives wrong pictures.
   *
   * @throws CheckpointException if the checkpoint has none
   * @throws IOException if the file cannot be read or is not a JSON object
   */
  public SchedulerConfig schedulerConfig() throws IOException {
    Path file = folder.resolve("scheduler").resolve("scheduler_config.json");
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(
          file + " is missing; it says which noise schedule the model was trained with");
    }
    return SchedulerConfig.read(file);
  }
}
