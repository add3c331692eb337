package io.github.lcm4j.lora;

import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The names CompVis' and Stability's own code gives to the modules of a UNet ({@code
 * input_blocks.4.1…}), which LoRAs trained there use. They number the blocks through, so they are
 * derived from the modules the UNet has, not from a fixed number of layers to a block.
 */
final class OriginalNames {
  private static final Pattern BLOCK =
      Pattern.compile(
          "(?:(down|up)_blocks\\.(\\d+)|mid_block)\\."
              + "(resnets|attentions|downsamplers|upsamplers)\\.(\\d+)\\.(.+)");

  private static final Map<String, String> OUTSIDE_BLOCKS =
      Map.of(
          "conv_in", "input_blocks.0.0",
          "conv_norm_out", "out.0",
          "conv_out", "out.2",
          "time_embedding.linear_1", "time_embed.0",
          "time_embedding.linear_2", "time_embed.2",
          "add_embedding.linear_1", "label_emb.0.0",
          "add_embedding.linear_2", "label_emb.0.2");

  private static final Map<String, String> IN_RESNET =
      Map.of(
          "norm1", "in_layers.0",
          "conv1", "in_layers.2",
          "time_emb_proj", "emb_layers.1",
          "norm2", "out_layers.0",
          "conv2", "out_layers.3",
          "conv_shortcut", "skip_connection");

  /** What a block holds. */
  private static final class Block {
    int resnets;
    boolean attentions;
    boolean downsampler;
    int first;
  }

  private final TreeMap<Integer, Block> down = new TreeMap<>();
  private final TreeMap<Integer, Block> up = new TreeMap<>();
  private final Block mid = new Block();

  /**
   * Looks at the structure of a UNet.
   *
   * @param modules module paths in diffusers' names
   */
  OriginalNames(Set<String> modules) {
    for (String module : modules) {
      Matcher matcher = BLOCK.matcher(module);
      if (matcher.matches()) {
        Block block = block(matcher);
        switch (matcher.group(3)) {
          case "resnets" ->
              block.resnets = Math.max(block.resnets, Integer.parseInt(matcher.group(4)) + 1);
          case "attentions" -> block.attentions = true;
          case "downsamplers" -> block.downsampler = true;
          default -> {}
        }
      }
    }
    int next = 1; // 0 is conv_in
    for (Block block : down.values()) {
      block.first = next;
      next += block.resnets + (block.downsampler ? 1 : 0);
    }
    next = 0;
    for (Block block : up.values()) {
      block.first = next;
      next += block.resnets;
    }
  }

  private Block block(Matcher matcher) {
    String direction = matcher.group(1);
    if (direction == null) {
      return mid;
    }
    return (direction.equals("down") ? down : up)
        .computeIfAbsent(Integer.parseInt(matcher.group(2)), index -> new Block());
  }

  /** The original name of a module, or null if it has none. */
  @Nullable String of(String module) {
    Matcher matcher = BLOCK.matcher(module);
    if (!matcher.matches()) {
      return OUTSIDE_BLOCKS.get(module);
    }
    Block block = block(matcher);
    String kind = matcher.group(3);
    int index = Integer.parseInt(matcher.group(4));
    String rest = matcher.group(5);
    if (kind.equals("resnets")) {
      rest = IN_RESNET.getOrDefault(rest, rest);
    }
    if (block == mid) {
      int position = block.attentions ? 2 * index + (kind.equals("attentions") ? 1 : 0) : index;
      return "middle_block." + position + "." + rest;
    }
    String blocks = matcher.group(1).equals("down") ? "input_blocks." : "output_blocks.";
    return switch (kind) {
      case "resnets" -> blocks + (block.first + index) + ".0." + rest;
      case "attentions" -> blocks + (block.first + index) + ".1." + rest;
      case "downsamplers" -> blocks + (block.first + block.resnets) + ".0.op";
      // The upsampler follows the last layer of its block, behind the attention where there is one.
      default ->
          blocks + (block.first + block.resnets - 1) + (block.attentions ? ".2." : ".1.") + rest;
    };
  }
}
