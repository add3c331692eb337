package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.safetensors.WeightSource;
import java.util.ArrayList;
import java.util.List;

/**
 * diffusers' ControlNetModel as an ONNX graph (Zhang et al. 2023, "Adding Conditional Control to
 * Text-to-Image Diffusion Models"): a copy of the UNet's first half that also sees a picture, with
 * a 1×1 convolution behind every value it hands over.
 *
 * <p>Inputs, float32: those of the UNet, {@code controlnet_cond} {@code [1 or batch,
 * conditioning_channels, height × factor, width × factor]}, 0 to 1, and {@code conditioning_scale}
 * {@code [1]}. Outputs {@code down_block_residual.i} and {@code mid_block_residual}, scaled, laid
 * out as {@link ResidualLayout} says.
 */
public final class ControlNetGraph {
  private final UnetConfig config;
  private final Component component;
  private final GraphBuilder graph;

  private ControlNetGraph(Component component, WeightSource weights) throws CheckpointException {
    this.component = component;
    this.config = UnetConfig.ofControlNet(component);
    this.graph = new GraphBuilder("controlnet", weights);
  }

  /**
   * Emits the graph.
   *
   * @param component a ControlNet's folder
   * @param weights its tensors; only names and shapes are read
   * @return the model without its weights
   * @throws CheckpointException if the configuration asks for what is not supported, or a tensor is
   *     missing or has another shape than the configuration says
   */
  public static NetworkGraph emit(Component component, WeightSource weights)
      throws CheckpointException {
    return new ControlNetGraph(component, weights).emit();
  }

  /**
   * Refuses a ControlNet of another family than a UNet's.
   *
   * @throws CheckpointException if what one gives is not what the other takes, or one of the
   *     configurations is not supported
   */
  public static void requireFit(Component controlNet, Component unet) throws CheckpointException {
    UnetConfig own = UnetConfig.ofControlNet(controlNet);
    UnetConfig other = UnetConfig.of(unet);
    int channels = controlNet.intOr("conditioning_channels", 3);
    if (channels != 1 && channels != 3) {
      throw new CheckpointException(
          "%s: conditioning_channels is %d; supported: 1, 3"
              .formatted(controlNet.folder().resolve("config.json"), channels));
    }
    requireEqual(
        controlNet, unet, "block_out_channels", own.blockOutChannels, other.blockOutChannels);
    requireEqual(controlNet, unet, "layers_per_block", own.layersPerBlock, other.layersPerBlock);
    requireEqual(
        controlNet,
        unet,
        "cross_attention_dim",
        own.crossAttentionDims.get(0),
        other.crossAttentionDims.get(0));
    requireEqual(controlNet, unet, "addition_embed_type text_time", own.textTime, other.textTime);
    // Not the UNet's input: a UNet for inpainting takes more than the latents.
    requireEqual(controlNet, unet, "latent channels", own.inChannels, other.outChannels);
  }

  private static void requireEqual(
      Component controlNet, Component unet, String what, Object own, Object other)
      throws CheckpointException {
    if (!own.equals(other)) {
      throw new CheckpointException(
          "%s does not fit %s: %s is %s there and %s here; is it for another family of models?"
              .formatted(controlNet.folder(), unet.folder(), what, own, other));
    }
  }

  private NetworkGraph emit() throws CheckpointException {
    UnetEncoder encoder = new UnetEncoder(config, graph);
    String scale = graph.input("conditioning_scale", TensorProto.DataType.FLOAT, 1);
    String x = graph.add(encoder.convIn(), picture());
    x = encoder.downBlocks(x);
    x = encoder.midBlock(x);
    List<UnetEncoder.Skip> skips = encoder.skips();
    for (int i = 0; i < skips.size(); i++) {
      handOver(skips.get(i), scale, "controlnet_down_blocks." + i, "down_block_residual." + i);
    }
    int channels = config.blockOutChannels.get(config.blockOutChannels.size() - 1);
    UnetEncoder.Skip middle = new UnetEncoder.Skip(x, channels);
    handOver(middle, scale, "controlnet_mid_block", "mid_block_residual");
    return graph.build();
  }

  /** The small network that brings the picture to the size of the latents. */
  private String picture() throws CheckpointException {
    String path = "controlnet_cond_embedding";
    graph.scope(path);
    List<Integer> widths = new ArrayList<>();
    JsonNode node = component.config().path("conditioning_embedding_out_channels");
    if (node.isArray()) {
      node.forEach(entry -> widths.add(entry.asInt()));
    } else {
      widths.addAll(List.of(16, 32, 96, 256));
    }
    int channels = component.intOr("conditioning_channels", 3);
    String x =
        graph.input(
            "controlnet_cond",
            TensorProto.DataType.FLOAT,
            "pictures",
            channels,
            "picture_height",
            "picture_width");
    if (channelsReversed()) {
      x =
          graph.node(
              "Gather", List.of(x, graph.longs(2, 1, 0)), GraphBuilder.attribute("axis", 1L));
    }
    x = graph.silu(graph.conv(x, path + ".conv_in", channels, widths.get(0), 3));
    for (int i = 0; i + 1 < widths.size(); i++) {
      int in = widths.get(i);
      int out = widths.get(i + 1);
      x = graph.silu(graph.conv(x, path + ".blocks." + 2 * i, in, in, 3));
      x = graph.silu(graph.conv(x, path + ".blocks." + (2 * i + 1), in, out, 3, 2, 1, 1, 1, 1));
    }
    return graph.conv(
        x, path + ".conv_out", widths.get(widths.size() - 1), config.blockOutChannels.get(0), 3);
  }

  private boolean channelsReversed() throws CheckpointException {
    String order = component.textOr("controlnet_conditioning_channel_order", "rgb");
    return switch (order) {
      case "rgb" -> false;
      case "bgr" -> true;
      default ->
          throw new CheckpointException(
              "%s: controlnet_conditioning_channel_order is %s; supported: rgb, bgr"
                  .formatted(component.folder().resolve("config.json"), order));
    };
  }

  private void handOver(UnetEncoder.Skip skip, String scale, String path, String output)
      throws CheckpointException {
    graph.scope(path);
    String x = graph.conv(skip.value(), path, skip.channels(), skip.channels(), 1);
    x = graph.multiply(x, scale);
    if (component.booleanOr("global_pool_conditions", false)) {
      String shape = graph.node("Shape", List.of(x));
      x = graph.node("Expand", List.of(graph.node("GlobalAveragePool", List.of(x)), shape));
    }
    graph.output(x, output, "batch", skip.channels(), output + ".height", output + ".width");
  }
}
