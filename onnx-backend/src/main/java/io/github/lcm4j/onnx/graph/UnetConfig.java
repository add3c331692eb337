package io.github.lcm4j.onnx.graph;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.IntNode;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;

/**
 * The options of a diffusers UNet2DConditionModel or ControlNetModel, with its defaults filled in
 * and single values spread over the blocks. Options that would change the network in a way that is
 * not emitted here are refused, never ignored.
 */
final class UnetConfig {
  private static final Set<String> DOWN_BLOCKS = Set.of("CrossAttnDownBlock2D", "DownBlock2D");
  private static final Set<String> UP_BLOCKS = Set.of("CrossAttnUpBlock2D", "UpBlock2D");

  /** How many transformer blocks the attentions of one UNet block have, by resnet index. */
  record Depths(JsonNode node) {
    int at(int layer) {
      return node.isArray() ? node.path(layer).asInt() : node.asInt();
    }
  }

  private final Component component;
  final int inChannels;
  final int outChannels;
  final List<Integer> blockOutChannels;
  final List<String> downBlockTypes;
  final List<String> upBlockTypes;
  final String midBlockType;
  final List<Integer> layersPerBlock;
  final List<Integer> heads;
  final List<Integer> crossAttentionDims;
  final List<Boolean> onlyCrossAttention;
  final List<Depths> transformerLayers;
  final List<Depths> upTransformerLayers;
  final int normNumGroups;
  final float normEps;
  final String activation;
  final int timeCondProjDim;
  final boolean textTime;

  private UnetConfig(Component component, boolean controlNet) throws CheckpointException {
    this.component = component;
    refuse("class_embed_type", "encoder_hid_dim_type", "num_class_embeds");
    refuse("cross_attention_norm", "dual_cross_attention", "encoder_hid_dim");
    expect("time_embedding_type", "positional");
    expect("attention_type", "default");
    String addition = component.textOr("addition_embed_type", "");
    if (!addition.isEmpty() && !addition.equals("text_time")) {
      throw unsupported("addition_embed_type", addition, "text_time or null");
    }
    textTime = !addition.isEmpty();
    inChannels = component.intOr("in_channels", 4);
    outChannels = component.intOr("out_channels", 4);
    downBlockTypes =
        texts(
            "down_block_types",
            List.of(
                "CrossAttnDownBlock2D",
                "CrossAttnDownBlock2D",
                "CrossAttnDownBlock2D",
                "DownBlock2D"),
            DOWN_BLOCKS);
    upBlockTypes =
        controlNet
            ? List.of()
            : texts(
                "up_block_types",
                List.of(
                    "UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
                UP_BLOCKS);
    int blocks = downBlockTypes.size();
    blockOutChannels = perBlock("block_out_channels", List.of(320, 640, 1280, 1280));
    layersPerBlock = spread("layers_per_block", 2);
    boolean named = controlNet && component.config().hasNonNull("num_attention_heads");
    heads = spread(named ? "num_attention_heads" : "attention_head_dim", 8);
    crossAttentionDims = spread("cross_attention_dim", 1280);
    onlyCrossAttention = new ArrayList<>();
    JsonNode only = component.config().path("only_cross_attention");
    for (int i = 0; i < blocks; i++) {
      JsonNode own = only.isArray() ? only.path(i) : only;
      if (!isUnset(own) && !own.isBoolean()) {
        throw component.unfit("only_cross_attention", "true or false, or a list of them");
      }
      onlyCrossAttention.add(own.asBoolean(false));
    }
    if (!controlNet && upBlockTypes.size() != blocks) {
      throw new CheckpointException(
          "%s: down_block_types has %d entries, up_block_types %d; they must be as many"
              .formatted(file(), blocks, upBlockTypes.size()));
    }
    JsonNode mid = component.config().path("mid_block_type");
    midBlockType =
        mid.isMissingNode() ? "UNetMidBlock2DCrossAttn" : mid.isNull() ? "" : mid.asText();
    if (!Set.of("", "UNetMidBlock2DCrossAttn", "UNetMidBlock2D").contains(midBlockType)) {
      throw unsupported(
          "mid_block_type", midBlockType, "UNetMidBlock2DCrossAttn, UNetMidBlock2D or null");
    }
    transformerLayers = depths("transformer_layers_per_block");
    List<Depths> upward;
    if (component.config().path("reverse_transformer_layers_per_block").isArray()) {
      upward = depths("reverse_transformer_layers_per_block");
    } else {
      upward = new ArrayList<>(transformerLayers);
      Collections.reverse(upward);
    }
    upTransformerLayers = upward;
    JsonNode groups = component.config().path("norm_num_groups");
    if (groups.isNull()) {
      throw unsupported("norm_num_groups", "null", "a number");
    }
    normNumGroups = component.intOr("norm_num_groups", 32);
    normEps = (float) component.doubleOr("norm_eps", 1e-5);
    activation = Activations.of(component, "act_fn", "silu");
    timeCondProjDim = component.intOr("time_cond_proj_dim", 0);
  }

  static UnetConfig of(Component component) throws CheckpointException {
    return new UnetConfig(component, false);
  }

  /** The options of a ControlNet, which has no up blocks. */
  static UnetConfig ofControlNet(Component component) throws CheckpointException {
    return new UnetConfig(component, true);
  }

  Component component() {
    return component;
  }

  /** Width of the time embedding. */
  int timeEmbedDim() {
    return component.intOr("time_embedding_dim", blockOutChannels.get(0) * 4);
  }

  private String file() {
    return component.folder().resolve("config.json").toString();
  }

  private void refuse(String... keys) throws CheckpointException {
    for (String key : keys) {
      JsonNode node = component.config().path(key);
      boolean unset =
          node.isMissingNode() || node.isNull() || node.isBoolean() && !node.asBoolean();
      if (!unset) {
        throw unsupported(key, node.toString(), "null");
      }
    }
  }

  private void expect(String key, String value) throws CheckpointException {
    String found = component.textOr(key, value);
    if (!found.equals(value)) {
      throw unsupported(key, found, value);
    }
  }

  private CheckpointException unsupported(String key, String found, String supported) {
    return new CheckpointException(
        "%s: %s is %s, which lcm4j does not emit; supported: %s"
            .formatted(file(), key, found, supported));
  }

  private List<String> texts(String key, List<String> otherwise, Set<String> known)
      throws CheckpointException {
    JsonNode node = component.config().path(key);
    if (isUnset(node)) {
      return otherwise;
    }
    if (!node.isArray() || node.isEmpty()) {
      throw component.unfit(key, "a list of " + String.join(" and ", known));
    }
    List<String> values = new ArrayList<>();
    for (JsonNode entry : node) {
      if (!known.contains(entry.asText())) {
        throw unsupported(key, entry.asText(), String.join(", ", known));
      }
      values.add(entry.asText());
    }
    return values;
  }

  private List<Integer> perBlock(String key, List<Integer> otherwise) throws CheckpointException {
    List<Integer> values = component.intsOr(key, otherwise);
    requireCount(key, values.size());
    return values;
  }

  private List<Integer> spread(String key, int otherwise) throws CheckpointException {
    List<Integer> values = new ArrayList<>();
    for (JsonNode node : nodes(key)) {
      if (!isUnset(node) && !isCount(node)) {
        throw component.unfit(key, "a whole number of at least 1, or a list of them");
      }
      values.add(node.asInt(otherwise));
    }
    return values;
  }

  private List<Depths> depths(String key) throws CheckpointException {
    List<Depths> values = new ArrayList<>();
    for (JsonNode node : nodes(key)) {
      for (JsonNode entry : node.isArray() ? node : List.of(node)) {
        if (!isUnset(entry) && !(entry.isInt() && entry.intValue() >= 0)) {
          throw component.unfit(key, "a whole number, or a list of them or of lists of them");
        }
      }
      values.add(new Depths(node.isArray() ? node : IntNode.valueOf(node.asInt(1))));
    }
    return values;
  }

  /** An option's entry for each block: those of a list, or the one value for all of them. */
  private List<JsonNode> nodes(String key) throws CheckpointException {
    JsonNode node = component.config().path(key);
    if (node.isArray()) {
      requireCount(key, node.size());
    }
    List<JsonNode> values = new ArrayList<>();
    for (int i = 0; i < downBlockTypes.size(); i++) {
      values.add(node.isArray() ? node.path(i) : node);
    }
    return values;
  }

  private static boolean isUnset(JsonNode node) {
    return node.isMissingNode() || node.isNull();
  }

  /** Some writers store a whole number as 4.0. */
  private static boolean isCount(JsonNode node) {
    return node.isNumber() && node.doubleValue() == node.intValue() && node.intValue() >= 1;
  }

  private void requireCount(String key, int count) throws CheckpointException {
    if (count != downBlockTypes.size()) {
      throw new CheckpointException(
          "%s: %s has %d entries, expected one for each of the %d blocks"
              .formatted(file(), key, count, downBlockTypes.size()));
    }
  }
}
