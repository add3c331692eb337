package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import java.util.ArrayList;
import java.util.List;

/**
 * The first half of a UNet, which a ControlNet is a copy of: time embedding, down blocks and
 * middle. Declares the inputs {@code sample}, {@code timestep}, {@code encoder_hidden_states} and
 * those of {@link TimeEmbedding}.
 */
final class UnetEncoder {
  /**
   * A value the second half is to see.
   *
   * @param channels its channels
   */
  record Skip(String value, int channels) {}

  private final UnetConfig config;
  private final Component component;
  private final GraphBuilder graph;
  private final ResnetLayer resnet;
  private final ResnetLayer midResnet;
  private final TransformerLayer transformer;
  private final int timeWidth;
  private final String sample;
  private final String time;
  private final List<Skip> skips = new ArrayList<>();
  private boolean adapted;

  UnetEncoder(UnetConfig config, GraphBuilder graph) throws CheckpointException {
    this.config = config;
    this.component = config.component();
    this.graph = graph;
    this.timeWidth = config.timeEmbedDim();
    String shift = component.textOr("resnet_time_scale_shift", "default");
    if (!shift.equals("default") && !shift.equals("scale_shift")) {
      throw new CheckpointException(
          "%s: resnet_time_scale_shift is %s; supported: default, scale_shift"
              .formatted(component.folder().resolve("config.json"), shift));
    }
    boolean scaleShift = shift.equals("scale_shift");
    float midScale = (float) component.doubleOr("mid_block_scale_factor", 1);
    this.resnet = resnet(scaleShift, 1);
    this.midResnet = resnet(scaleShift, midScale);

    TensorProto.DataType real = TensorProto.DataType.FLOAT;
    sample = graph.input("sample", real, "batch", config.inChannels, "height", "width");
    String timestep = graph.input("timestep", real, "timesteps");
    int crossDim = config.crossAttentionDims.get(0);
    String encoder = graph.input("encoder_hidden_states", real, "batch", "length", crossDim);
    String batch = graph.shape(sample, 0, 1);
    String encoderRows = graph.reshape(encoder, -1, crossDim);
    transformer = new TransformerLayer(graph, config.normNumGroups, encoderRows, batch);
    time =
        Activations.apply(
            graph, config.activation, new TimeEmbedding(config, graph).emit(timestep));
  }

  private ResnetLayer resnet(boolean scaleShift, float outputScale) {
    return new ResnetLayer(
        graph, config.normNumGroups, config.normEps, config.activation, scaleShift, outputScale);
  }

  /** Writes the first convolution. */
  String convIn() throws CheckpointException {
    String x = sample;
    if (component.booleanOr("center_input_sample", false)) {
      x = graph.node("Sub", List.of(graph.multiply(x, 2), graph.scalar(1)));
    }
    graph.scope("conv_in");
    return graph.conv(
        x,
        "conv_in",
        config.inChannels,
        config.blockOutChannels.get(0),
        component.intOr("conv_in_kernel", 3));
  }

  /** The values for the second half so far, first to last. */
  List<Skip> skips() {
    return skips;
  }

  /** Writes a resnet that the time embedding steers. */
  String resnet(String x, String path, int in, int out) throws CheckpointException {
    return resnet.emit(x, path, in, out, time, timeWidth);
  }

  /**
   * Writes the down blocks.
   *
   * @param x what comes out of the first convolution
   */
  String downBlocks(String x) throws CheckpointException {
    int channels = config.blockOutChannels.get(0);
    push(x, channels);
    int last = config.downBlockTypes.size() - 1;
    for (int i = 0; i <= last; i++) {
      String path = "down_blocks." + i;
      int in = channels;
      channels = config.blockOutChannels.get(i);
      boolean attends = config.downBlockTypes.get(i).equals("CrossAttnDownBlock2D");
      for (int layer = 0; layer < config.layersPerBlock.get(i); layer++) {
        x = resnet(x, path + ".resnets." + layer, layer == 0 ? in : channels, channels);
        if (attends) {
          x =
              attend(
                  x,
                  path + ".attentions." + layer,
                  channels,
                  i,
                  config.transformerLayers.get(i).at(layer));
        }
        if (layer == config.layersPerBlock.get(i) - 1 && (attends || i == last)) {
          x = addFeature(x, channels, i);
        }
        push(x, channels);
      }
      if (i < last) {
        x = downsample(x, path + ".downsamplers.0.conv", channels);
        if (!attends) {
          x = addFeature(x, channels, i);
        }
        push(x, channels);
      }
    }
    return x;
  }

  /** From now on declares inputs for what T2I-Adapters give, and adds them. */
  void adapt() {
    adapted = true;
  }

  /** A value with an input of its channels added, where T2I-Adapters are to steer. */
  String addFeature(String x, int channels, int index) {
    if (!adapted) {
      return x;
    }
    graph.scope("t2i_adapter");
    String name = AdapterLayout.input(index);
    String feature =
        graph.input(
            name, TensorProto.DataType.FLOAT, 1, channels, name + ".height", name + ".width");
    return graph.add(x, feature);
  }

  private String downsample(String x, String path, int channels) throws CheckpointException {
    graph.scope(path);
    long pad = component.intOr("downsample_padding", 1);
    return pad == 0
        ? graph.conv(x, path, channels, channels, 3, 2, 0, 0, 1, 1)
        : graph.conv(x, path, channels, channels, 3, 2, pad, pad, pad, pad);
  }

  /** Writes the middle; nothing where there is none. */
  String midBlock(String x) throws CheckpointException {
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

  private void push(String value, int channels) {
    skips.add(new Skip(value, channels));
  }

  /** Writes the transformer of a block, counted from the input. */
  String attend(String x, String path, int channels, int block, int depth)
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
