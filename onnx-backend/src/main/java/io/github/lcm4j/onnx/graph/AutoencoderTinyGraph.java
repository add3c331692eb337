package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.safetensors.WeightSource;
import java.util.List;

/**
 * The two halves of diffusers' AutoencoderTiny (TAESD) as ONNX graphs, with the same inputs as
 * those of AutoencoderKL. The encoder's output is {@code latent_sample}: the latents themselves, no
 * distribution.
 */
public final class AutoencoderTinyGraph {
  private final Component component;
  private final GraphBuilder graph;
  private final String activation;
  private final int latentChannels;

  private AutoencoderTinyGraph(Component component, WeightSource weights, String name)
      throws CheckpointException {
    this.component = component;
    this.graph = new GraphBuilder(name, weights);
    this.activation = Activations.of(component, "act_fn", "relu");
    this.latentChannels = component.intOr("latent_channels", 4);
    String mode = component.textOr("upsample_fn", "nearest");
    if (!mode.equals("nearest")) {
      throw new CheckpointException(
          "%s: upsample_fn is %s; supported: nearest"
              .formatted(component.folder().resolve("config.json"), mode));
    }
  }

  /** Picture pixels a latent cell stands for, per side; diffusers counts the decoder's blocks. */
  public static int scaleFactor(Component component) {
    JsonNode channels = component.config().path("decoder_block_out_channels");
    return 1 << (channels.isArray() && !channels.isEmpty() ? channels.size() - 1 : 3);
  }

  /**
   * Emits the decoder.
   *
   * @param component the checkpoint's {@code vae}
   * @param weights its tensors; only names and shapes are read
   * @return the model without its weights
   * @throws CheckpointException if a tensor is missing or has another shape than the configuration
   *     says
   */
  public static NetworkGraph emitDecoder(Component component, WeightSource weights)
      throws CheckpointException {
    return new AutoencoderTinyGraph(component, weights, "vae_decoder").decoder();
  }

  /**
   * Emits the encoder.
   *
   * @param component the checkpoint's {@code vae}
   * @param weights its tensors; only names and shapes are read
   * @return the model without its weights
   * @throws CheckpointException if a tensor is missing or has another shape than the configuration
   *     says
   */
  public static NetworkGraph emitEncoder(Component component, WeightSource weights)
      throws CheckpointException {
    return new AutoencoderTinyGraph(component, weights, "vae_encoder").encoder();
  }

  private NetworkGraph decoder() throws CheckpointException {
    List<Integer> channels =
        component.intsOr("decoder_block_out_channels", List.of(64, 64, 64, 64));
    List<Integer> blocks = component.intsOr("num_decoder_blocks", List.of(3, 3, 3, 1));
    String x =
        graph.input(
            "latent_sample",
            TensorProto.DataType.FLOAT,
            "batch",
            latentChannels,
            "height",
            "width");
    // A soft clamp of the latents to ±3.
    x = graph.node("Tanh", List.of(graph.multiply(x, 1f / 3)));
    x = graph.multiply(x, 3);
    int index = 0;
    int width = channels.get(0);
    x = graph.conv(x, layer("decoder", index++), latentChannels, width, 3);
    x = Activations.apply(graph, activation, x);
    index++;
    int colours = component.intOr("out_channels", 3);
    for (int i = 0; i < blocks.size(); i++) {
      boolean last = i == blocks.size() - 1;
      width = channels.get(i);
      for (int block = 0; block < blocks.get(i); block++) {
        x = block(x, layer("decoder", index++), width);
      }
      if (!last) {
        x = graph.upsample(x, component.intOr("upsampling_scaling_factor", 2));
        index++;
      }
      x = graph.conv(x, layer("decoder", index++), width, last ? colours : width, 3);
    }
    // From [0, 1] to the [−1, 1] of other decoders.
    x = graph.add(graph.multiply(x, 2), graph.scalar(-1));
    graph.output(x, "sample", "batch", colours, "picture_height", "picture_width");
    return graph.build();
  }

  private NetworkGraph encoder() throws CheckpointException {
    List<Integer> channels =
        component.intsOr("encoder_block_out_channels", List.of(64, 64, 64, 64));
    List<Integer> blocks = component.intsOr("num_encoder_blocks", List.of(1, 3, 3, 3));
    int colours = component.intOr("in_channels", 3);
    String x =
        graph.input(
            "sample",
            TensorProto.DataType.FLOAT,
            "batch",
            colours,
            "picture_height",
            "picture_width");
    x = graph.multiply(graph.add(x, graph.scalar(1)), 0.5f);
    int index = 0;
    int width = 0;
    for (int i = 0; i < blocks.size(); i++) {
      width = channels.get(i);
      String path = layer("encoder", index++);
      x =
          i == 0
              ? graph.conv(x, path, colours, width, 3)
              : graph.conv(x, path, width, width, 3, 2, 1, 1, 1, 1);
      for (int block = 0; block < blocks.get(i); block++) {
        x = block(x, layer("encoder", index++), width);
      }
    }
    x = graph.conv(x, layer("encoder", index), width, latentChannels, 3);
    graph.output(x, "latent_sample", "batch", latentChannels, "height", "width");
    return graph.build();
  }

  private static String layer(String half, int index) {
    return half + ".layers." + index;
  }

  private String block(String x, String path, int width) throws CheckpointException {
    graph.scope(path);
    String h = graph.conv(x, path + ".conv.0", width, width, 3);
    h = Activations.apply(graph, activation, h);
    h = graph.conv(h, path + ".conv.2", width, width, 3);
    h = Activations.apply(graph, activation, h);
    h = graph.conv(h, path + ".conv.4", width, width, 3);
    return graph.node("Relu", List.of(graph.add(h, x)));
  }
}
