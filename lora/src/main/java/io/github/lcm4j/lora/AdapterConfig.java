package io.github.lcm4j.lora;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.github.lcm4j.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * What a file says about its scale outside its tensors.
 *
 * <ul>
 *   <li>diffusers: {@code lora_adapter_metadata}, a PEFT configuration whose entries carry the
 *       component's name in front ({@code unet.lora_alpha}), or none for a single model;
 *   <li>PEFT: {@code adapter_config.json} beside {@code adapter_model.safetensors};
 *   <li>kohya and LyCORIS: {@code ss_network_args} with {@code rs_lora}, and {@code
 *       ss_network_alpha}.
 * </ul>
 *
 * <p>{@code ss_network_alpha} never stands in for a missing {@code alpha} key: tools that bake the
 * scale into the tensors drop the keys and keep the metadata, and every loader takes 1 then.
 */
final class AdapterConfig {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final double ALPHA_TOLERANCE = 1e-3;

  private final JsonNode peft;
  private final boolean rankStabilized;
  private final boolean lycoris;
  private final List<Double> trainingAlphas;

  private AdapterConfig(
      JsonNode peft, boolean rankStabilized, boolean lycoris, List<Double> trainingAlphas) {
    this.peft = peft;
    this.rankStabilized = rankStabilized;
    this.lycoris = lycoris;
    this.trainingAlphas = trainingAlphas;
  }

  static AdapterConfig read(SafetensorsFile tensors) throws IOException {
    Map<String, String> metadata = tensors.metadata();
    Path file = tensors.file();
    JsonNode peft = MissingNode.getInstance();
    String adapterMetadata = metadata.get("lora_adapter_metadata");
    Path beside = file.resolveSibling("adapter_config.json");
    if (adapterMetadata != null) {
      peft = parse(file, "lora_adapter_metadata", adapterMetadata);
    } else if (file.endsWith("adapter_model.safetensors") && Files.isRegularFile(beside)) {
      peft = parse(beside, null, Files.readString(beside));
    }
    String networkArgs = metadata.get("ss_network_args");
    JsonNode args =
        networkArgs == null
            ? MissingNode.getInstance()
            : parse(file, "ss_network_args", networkArgs);
    boolean rankStabilized = false;
    for (String name : List.of("rs_lora", "use_rslora", "rslora")) {
      rankStabilized |= isTrue(args.path(name).asText()) || isTrue(metadata.get(name));
    }
    List<Double> alphas = new ArrayList<>();
    addNumber(alphas, metadata.get("ss_network_alpha"));
    addNumber(alphas, args.path("conv_alpha").asText());
    boolean lycoris = metadata.getOrDefault("ss_network_module", "").startsWith("lycoris");
    return new AdapterConfig(peft, rankStabilized, lycoris, alphas);
  }

  private static JsonNode parse(Path file, @Nullable String key, String json) throws LoraException {
    try {
      JsonNode node = MAPPER.readTree(json);
      if (node.isObject() || node.isNull()) {
        return node;
      }
      throw new LoraException(
          file, key, "expected metadata in a JSON object, found " + node.getNodeType());
    } catch (JsonProcessingException e) {
      throw new LoraException(
          file, key, "expected metadata in a JSON object: " + e.getOriginalMessage(), e);
    }
  }

  private static boolean isTrue(@Nullable String text) {
    return text != null && (text.equalsIgnoreCase("true") || text.equals("1"));
  }

  private static void addNumber(List<Double> into, @Nullable String text) {
    try {
      if (text != null && !text.isBlank()) {
        into.add(Double.parseDouble(text));
      }
    } catch (NumberFormatException e) {
      // Kohya writes "None" here; then there is nothing to compare with.
    }
  }

  /**
   * The scale of a module's difference: {@code alpha / rank}, or {@code alpha / √rank} for
   * rank-stabilized LoRA (Kalajdzievski 2023, arXiv:2312.03732). An alpha that is missing or 0
   * counts as the rank.
   *
   * @param alphaKey the value of the module's {@code alpha} key, or null if it has none
   * @param component {@code unet}, {@code text_encoder} or {@code text_encoder_2}
   * @param module the module's path with dots
   * @param rank the rank its tensors have
   */
  double scale(@Nullable Double alphaKey, String component, String module, int rank) {
    double alpha = alphaKey != null ? alphaKey : peftAlpha(component, module);
    if (alpha == 0) {
      alpha = rank;
    }
    boolean root =
        peft(component, "use_rslora").asBoolean()
            || rankStabilized && !(alphaKey != null && includesRootOfRank(alphaKey, rank));
    return alpha / (root ? Math.sqrt(rank) : rank);
  }

  /**
   * LyCORIS stores {@code alpha·√rank} with {@code rs_lora}, so that {@code alpha / rank} is right;
   * its early versions stored {@code alpha} itself. The alpha of the training arguments tells
   * which.
   */
  private boolean includesRootOfRank(double stored, int rank) {
    if (trainingAlphas.isEmpty() || trainingAlphas.stream().anyMatch(a -> near(a, stored))) {
      return false;
    }
    return lycoris || trainingAlphas.stream().anyMatch(a -> near(a * Math.sqrt(rank), stored));
  }

  private static boolean near(double a, double b) {
    return Math.abs(a - b) <= ALPHA_TOLERANCE * Math.max(Math.abs(a), Math.abs(b));
  }

  private double peftAlpha(String component, String module) {
    JsonNode pattern = peft(component, "alpha_pattern");
    for (Map.Entry<String, JsonNode> entry : pattern.properties()) {
      if (matches(entry.getKey(), module)) {
        return entry.getValue().asDouble();
      }
    }
    JsonNode alpha = peft(component, "lora_alpha");
    return (alpha.isMissingNode() ? peft(component, "alpha") : alpha).asDouble();
  }

  private JsonNode peft(String component, String entry) {
    JsonNode own = peft.path(component + "." + entry);
    return own.isMissingNode() ? peft.path(entry) : own;
  }

  /** PEFT's rule: the pattern matches the path's end, from a dot on. */
  private static boolean matches(String pattern, String module) {
    try {
      return Pattern.matches("(.*\\.)?(" + pattern + ")", module);
    } catch (PatternSyntaxException e) {
      return false;
    }
  }
}
