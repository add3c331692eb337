package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.safetensors.WeightSource;
import java.util.List;

/**
 * The two halves of diffusers' AutoencoderKL as ONNX graphs.
 *
 * <p>Decoder: {@code latent_sample} {@code [batch, latent_channels, h, w]} to {@code sample} {@code
 * [batch, 3, h × factor, w × factor]}. Encoder: {@code sample} to {@code latent_parameters} {@code
 * [batch, 2 × latent_channels, h, w]}, the mean before the log variance. All float32.
 */
public final class AutoencoderKlGraph {
  private static final float EPSILON = 1e-6f;

  private final Component component;
  private final GraphBuilder graph;
  private final ResnetLayer resnet;
  private final List<Integer> channels;
  private final int layersPerBlock;
  private final int groups;
  private final int latentChannels;

  private AutoencoderKlGraph(Component component, WeightSource weights, String name)
      throws CheckpointException {
    this.component = component;
    this.graph = new GraphBuilder(name, weights);
    this.channels = component.intsOr("block_out_channels", List.of(64));
    this.layersPerBlock = component.intOr("layers_per_block", 1);
    this.groups = component.intOr("norm_num_groups", 32);
    this.latentChannels = component.intOr("latent_channels", 4);
    this.resnet =
        new ResnetLayer(
            graph, groups, EPSILON, Activations.of(component, "act_fn", "silu"), false, 1);
  }

  /** Picture pixels a latent cell stands for, per side. */
  public static int scaleFactor(Component component) {
    return 1 << Math.max(0, component.config().path("block_out_channels").size() - 1);
  }

  /**
   * Emits the decoder.
   *
   * @param component the checkpoint's {@code vae}
   * @param weights its tensors; only names and shapes are read
   * @return the model without its weights
   * @throws CheckpointException if a block type is unknown, or a tensor is missing or has another
   *     shape than the configuration says
   */
  public static NetworkGraph emitDecoder(Component component, WeightSource weights)
      throws CheckpointException {
    return new AutoencoderKlGraph(component, weights, "vae_decoder").decoder();
  }

  /**
   * Emits the encoder.
   *
   * @param component the checkpoint's {@code vae}
   * @param weights its tensors; only names and shapes are read
   * @return the model without its weights
   * @throws CheckpointException if a block type is unknown, or a tensor is missing or has another
   *     shape than the configuration says
   */
  public static NetworkGraph emitEncoder(Component component, WeightSource weights)
      throws CheckpointException {
    return new AutoencoderKlGraph(component, weights, "vae_encoder").encoder();
  }

  private NetworkGraph decoder() throws CheckpointException {
    requireBlocks("up_block_types", "UpDecoderBlock2D");
    String x =
        graph.input(
            "latent_sample",
            TensorProto.DataType.FLOAT,
            "batch",
            latentChannels,
            "height",
            "width");
    if (component.booleanOr("use_post_quant_conv", true)) {
      x = graph.conv(x, "post_quant_conv", latentChannels, latentChannels, 1);
    }
    int last = channels.size() - 1;
    int width = channels.get(last);
    graph.scope("decoder.conv_in");
    x = graph.conv(x, "decoder.conv_in", latentChannels, width, 3);
    x = middle(x, "decoder.mid_block", width);
    for (int i = 0; i <= last; i++) {
      String path = "decoder.up_blocks." + i;
      int out = channels.get(last - i);
      for (int layer = 0; layer <= layersPerBlock; layer++) {
        x = resnet.emit(x, path + ".resnets." + layer, width, out, "", 0);
        width = out;
      }
      if (i < last) {
        graph.scope(path + ".upsamplers.0");
        x = graph.conv(graph.upsample(x, 2), path + ".upsamplers.0.conv", out, out, 3);
      }
    }
    int colours = component.intOr("out_channels", 3);
    x = finish(x, "decoder", width, colours);
    graph.output(x, "sample", "batch", colours, "picture_height", "picture_width");
    return graph.build();
  }

  private NetworkGraph encoder() throws CheckpointException {
    requireBlocks("down_block_types", "DownEncoderBlock2D");
    int colours = component.intOr("in_channels", 3);
    String x =
        graph.input(
            "sample",
            TensorProto.DataType.FLOAT,
            "batch",
            colours,
            "picture_height",
            "picture_width");
    int last = channels.size() - 1;
    int width = channels.get(0);
    graph.scope("encoder.conv_in");
    x = graph.conv(x, "encoder.conv_in", colours, width, 3);
    for (int i = 0; i <= last; i++) {
      String path = "encoder.down_blocks." + i;
      int out = channels.get(i);
      for (int layer = 0; layer < layersPerBlock; layer++) {
        x = resnet.emit(x, path + ".resnets." + layer, width, out, "", 0);
        width = out;
      }
      if (i < last) {
        graph.scope(path + ".downsamplers.0");
        x = graph.conv(x, path + ".downsamplers.0.conv", out, out, 3, 2, 0, 0, 1, 1);
      }
    }
    x = middle(x, "encoder.mid_block", width);
    int moments = 2 * latentChannels;
    x = finish(x, "encoder", width, moments);
    if (component.booleanOr("use_quant_conv", true)) {
      x = graph.conv(x, "quant_conv", moments, moments, 1);
    }
    graph.output(x, "latent_parameters", "batch", moments, "height", "width");
    return graph.build();
  }

  private void requireBlocks(String key, String type) throws CheckpointException {
    for (JsonNode entry : component.config().path(key)) {
      if (!entry.asText().equals(type)) {
        throw new CheckpointException(
            "%s: %s has %s, which lcm4j does not emit; supported: %s"
                .formatted(component.folder().resolve("config.json"), key, entry.asText(), type));
      }
    }
  }

  private String finish(String x, String path, int in, int out) throws CheckpointException {
    graph.scope(path + ".conv_out");
    x = graph.groupNorm(x, path + ".conv_norm_out", in, groups, EPSILON);
    return graph.conv(graph.silu(x), path + ".conv_out", in, out, 3);
  }

  private String middle(String x, String path, int width) throws CheckpointException {
    x = resnet.emit(x, path + ".resnets.0", width, width, "", 0);
    if (component.booleanOr("mid_block_add_attention", true)) {
      x = attention(x, path + ".attentions.0", width);
    }
    return resnet.emit(x, path + ".resnets.1", width, width, "", 0);
  }

  /** One head over all positions; its layers are called otherwise in files of before 2023. */
  private String attention(String x, String path, int width) throws CheckpointException {
    graph.scope(path);
    boolean old = graph.hasWeight(path + ".query.weight");
    String normal = graph.groupNorm(x, path + ".group_norm", width, groups, EPSILON);
    String tokens = graph.transpose(graph.reshape(normal, 0, width, -1), 0, 2, 1);
    String rows = graph.reshape(tokens, -1, width);
    String shape = graph.node("Shape", List.of(tokens));
    String q = graph.linear(rows, path + (old ? ".query" : ".to_q"), width, width);
    String k = graph.linear(rows, path + (old ? ".key" : ".to_k"), width, width);
    String v = graph.linear(rows, path + (old ? ".value" : ".to_v"), width, width);
    String attended =
        graph.attention(
            graph.reshapeTo(q, shape), graph.reshapeTo(k, shape), graph.reshapeTo(v, shape), 1, "");
    String out =
        graph.linear(
            graph.reshape(attended, -1, width),
            path + (old ? ".proj_attn" : ".to_out.0"),
            width,
            width);
    String back = graph.transpose(graph.reshapeTo(out, shape), 0, 2, 1);
    return graph.add(graph.reshapeTo(back, graph.node("Shape", List.of(x))), x);
  }
}
