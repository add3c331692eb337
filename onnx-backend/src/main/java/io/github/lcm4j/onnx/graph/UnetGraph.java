package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.safetensors.WeightSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * diffusers' UNet2DConditionModel as an ONNX graph: Stable Diffusion 1.x and 2.x, SDXL and its
 * pruned relatives, and full LCMs.
 *
 * <p>Inputs, float32: {@code sample} {@code [batch, in_channels, height, width]}, {@code timestep}
 * {@code [1 or batch]}, {@code encoder_hidden_states} {@code [batch, length, cross_attention_dim]};
 * where the configuration asks for them {@code timestep_cond}, {@code text_embeds} and {@code
 * time_ids}. Output {@code out_sample}. Batch, height, width and length are free.
 */
public final class UnetGraph {
  private final UnetConfig config;
  private final Component component;
  private final GraphBuilder graph;
  private final ResnetLayer resnet;
  private final ResnetLayer midResnet;
  private final int timeWidth;
  private final Deque<String> skips = new ArrayDeque<>();
  private final Deque<Integer> skipChannels = new ArrayDeque<>();
  private TransformerLayer transformer;
  private String time = "";

  private UnetGraph(Component component, WeightSource weights) throws CheckpointException {
    this.component = component;
    this.config = UnetConfig.of(component);
    this.graph = new GraphBuilder("unet", weights);
    this.timeWidth = config.timeEmbedDim();
    String shift = component.textOr("resnet_time_scale_shift", "default");
    if (!shift.equals("default") && !shift.equals("scale_shift")) {
      throw new CheckpointException(
          "%s: resnet_time_scale_shift is %s; supported: default, scale_shift"
              .formatted(component.folder().resolve("config.json"), shift));
    }
    this.resnet =
        new ResnetLayer(
            graph,
            config.normNumGroups,
            config.normEps,
            config.activation,
            shift.equals("scale_shift"),
            1);
    this.midResnet =
        new ResnetLayer(
            graph,
            config.normNumGroups,
            config.normEps,
            config.activation,
            shift.equals("scale_shift"),
            (float) component.doubleOr("mid_block_scale_factor", 1));
    this.transformer = new TransformerLayer(graph, config.normNumGroups, "", "");
  }

  /**
   * Emits the graph.
   *
   * @param component the checkpoint's {@code unet}
   * @param weights its tensors; only names and shapes are read
   * @return the model without its weights
   * @throws CheckpointException if the configuration asks for what is not supported, or a tensor is
   *     missing or has another shape than the configuration says
   */
  public static NetworkGraph emit(Component component, WeightSource weights)
      throws CheckpointException {
    return new UnetGraph(component, weights).emit();
  }

  private NetworkGraph emit() throws CheckpointException {
    TensorProto.DataType real = TensorProto.DataType.FLOAT;
    String sample = graph.input("sample", real, "batch", config.inChannels, "height", "width");
    String timestep = graph.input("timestep", real, "timesteps");
    int crossDim = config.crossAttentionDims.get(0);
    String encoder = graph.input("encoder_hidden_states", real, "batch", "length", crossDim);
    String batch = graph.shape(sample, 0, 1);
    String encoderRows = graph.reshape(encoder, -1, crossDim);
    transformer = new TransformerLayer(graph, config.normNumGroups, encoderRows, batch);

    if (component.booleanOr("center_input_sample", false)) {
      sample = graph.node("Sub", List.of(graph.multiply(sample, 2), graph.scalar(1)));
    }
    time = Activations.apply(graph, config.activation, timeEmbedding(timestep));

    int first = config.blockOutChannels.get(0);
    graph.scope("conv_in");
    String x =
        graph.conv(
            sample, "conv_in", config.inChannels, first, component.intOr("conv_in_kernel", 3));
    push(x, first);
    x = downBlocks(x);
    x = midBlock(x);
    x = upBlocks(x);

    graph.scope("conv_out");
    x = graph.groupNorm(x, "conv_norm_out", first, config.normNumGroups, config.normEps);
    x = Activations.apply(graph, config.activation, x);
    x = graph.conv(x, "conv_out", first, config.outChannels, component.intOr("conv_out_kernel", 3));
    graph.output(x, "out_sample", "batch", config.outChannels, "height", "width");
    return graph.build();
  }

  // ---- time --------------------------------------------------------------------------------

  private String timeEmbedding(String timestep) throws CheckpointException {
    graph.scope("time_embedding");
    int width = config.blockOutChannels.get(0);
    String embedding = sinusoids(timestep, width);
    if (config.timeCondProjDim > 0) {
      String cond =
          graph.input("timestep_cond", TensorProto.DataType.FLOAT, "batch", config.timeCondProjDim);
      embedding =
          graph.add(
              embedding,
              graph.linear(cond, "time_embedding.cond_proj", config.timeCondProjDim, width));
    }
    embedding = embeddingLayers(embedding, "time_embedding", width);
    String post = component.textOr("timestep_post_act", "");
    if (!post.isEmpty()) {
      embedding = Activations.apply(graph, post, embedding);
    }
    if (config.textTime) {
      embedding = graph.add(embedding, textTimeEmbedding());
    }
    String act = component.textOr("time_embedding_act_fn", "");
    return act.isEmpty() ? embedding : Activations.apply(graph, act, embedding);
  }

  /** SDXL's conditioning on the pooled text and the six size numbers. */
  private String textTimeEmbedding() throws CheckpointException {
    graph.scope("add_embedding");
    int perId = component.requireInt("addition_time_embed_dim");
    int width = component.requireInt("projection_class_embeddings_input_dim");
    int textWidth = width - 6 * perId;
    String text =
        graph.input("text_embeds", TensorProto.DataType.FLOAT, "batch", Math.max(textWidth, 0));
    String ids = graph.input("time_ids", TensorProto.DataType.FLOAT, "batch", 6);
    String sizes = sinusoids(graph.reshape(ids, -1), perId);
    sizes = graph.reshape(sizes, -1, 6L * perId);
    String joined = graph.concat(1, List.of(text, sizes));
    return embeddingLayers(joined, "add_embedding", width);
  }

  private String embeddingLayers(String x, String path, int width) throws CheckpointException {
    String h = graph.linear(x, path + ".linear_1", width, timeWidth);
    h = Activations.apply(graph, config.activation, h);
    return graph.linear(h, path + ".linear_2", timeWidth, timeWidth);
  }

  /** Sinusoidal position embedding (Vaswani et al. 2017) of a list of numbers. */
  private String sinusoids(String values, int width) {
    int half = width / 2;
    float shift = (float) component.doubleOr("freq_shift", 0);
    float[] frequencies = new float[half];
    for (int i = 0; i < half; i++) {
      // Rounded as diffusers rounds: times a timestep of 999, the last bit shows.
      float exponent = (float) -Math.log(10000) * i / (half - shift);
      frequencies[i] = (float) Math.exp(exponent);
    }
    String column = graph.reshape(values, -1, 1);
    String angles = graph.multiply(column, graph.floats(frequencies, 1, half));
    String sin = graph.node("Sin", List.of(angles));
    String cos = graph.node("Cos", List.of(angles));
    String joined =
        graph.concat(
            1,
            component.booleanOr("flip_sin_to_cos", true) ? List.of(cos, sin) : List.of(sin, cos));
    return width % 2 == 0
        ? joined
        : graph.node("Pad", List.of(joined, graph.longs(0, 0, 0, 1), graph.scalar(0)));
  }

  // ---- blocks ------------------------------------------------------------------------------

  private void push(String value, int channels) {
    skips.push(value);
    skipChannels.push(channels);
  }

  private String downBlocks(String x) throws CheckpointException {
    int channels = config.blockOutChannels.get(0);
    int last = config.downBlockTypes.size() - 1;
    for (int i = 0; i <= last; i++) {
      String path = "down_blocks." + i;
      int in = channels;
      channels = config.blockOutChannels.get(i);
      boolean attends = config.downBlockTypes.get(i).equals("CrossAttnDownBlock2D");
      for (int layer = 0; layer < config.layersPerBlock.get(i); layer++) {
        x =
            resnet.emit(
                x,
                path + ".resnets." + layer,
                layer == 0 ? in : channels,
                channels,
                time,
                timeWidth);
        if (attends) {
          x =
              attend(
                  x,
                  path + ".attentions." + layer,
                  channels,
                  i,
                  config.transformerLayers.get(i).at(layer));
        }
        push(x, channels);
      }
      if (i < last) {
        x = downsample(x, path + ".downsamplers.0.conv", channels);
        push(x, channels);
      }
    }
    return x;
  }

  private String downsample(String x, String path, int channels) throws CheckpointException {
    graph.scope(path);
    long pad = component.intOr("downsample_padding", 1);
    return pad == 0
        ? graph.conv(x, path, channels, channels, 3, 2, 0, 0, 1, 1)
        : graph.conv(x, path, channels, channels, 3, 2, pad, pad, pad, pad);
  }

  private String midBlock(String x) throws CheckpointException {
    if (config.midBlockType.isEmpty()) {
      return x;
    }
    int last = config.blockOutChannels.size() - 1;
    int channels = config.blockOutChannels.get(last);
    x = midResnet.emit(x, "mid_block.resnets.0", channels, channels, time, timeWidth);
    if (config.midBlockType.equals("UNetMidBlock2DCrossAttn")) {
      int depth = config.transformerLayers.get(last).at(0);
      x =
          transformer.emit(
              x,
              "mid_block.attentions.0",
              channels,
              config.heads.get(last),
              config.crossAttentionDims.get(last),
              depth,
              false);
      x = midResnet.emit(x, "mid_block.resnets.1", channels, channels, time, timeWidth);
    }
    return x;
  }

  private String upBlocks(String x) throws CheckpointException {
    int last = config.upBlockTypes.size() - 1;
    int channels = config.blockOutChannels.get(last);
    for (int i = 0; i <= last; i++) {
      String path = "up_blocks." + i;
      int mirrored = last - i;
      int out = config.blockOutChannels.get(mirrored);
      boolean attends = config.upBlockTypes.get(i).equals("CrossAttnUpBlock2D");
      for (int layer = 0; layer <= config.layersPerBlock.get(mirrored); layer++) {
        if (skips.isEmpty()) {
          throw new CheckpointException(
              "%s: the up blocks need more skip connections than the down blocks give"
                  .formatted(component.folder().resolve("config.json")));
        }
        int in = channels + skipChannels.pop();
        x = graph.concat(1, List.of(x, skips.pop()));
        x = resnet.emit(x, path + ".resnets." + layer, in, out, time, timeWidth);
        channels = out;
        if (attends) {
          x =
              attend(
                  x,
                  path + ".attentions." + layer,
                  out,
                  mirrored,
                  config.upTransformerLayers.get(i).at(layer));
        }
      }
      if (i < last) {
        graph.scope(path + ".upsamplers.0");
        // The next skip's size, not twice the own: they differ where a size was odd.
        x = graph.upsampleTo(x, graph.shape(skips.peek(), 2, 4));
        x = graph.conv(x, path + ".upsamplers.0.conv", out, out, 3);
      }
    }
    return x;
  }

  private String attend(String x, String path, int channels, int block, int depth)
      throws CheckpointException {
    return transformer.emit(
        x,
        path,
        channels,
        config.heads.get(block),
        config.crossAttentionDims.get(block),
        depth,
        config.onlyCrossAttention.get(block));
  }
}
