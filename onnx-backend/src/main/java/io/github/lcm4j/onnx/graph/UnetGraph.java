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
 *
 * <p>Where ControlNets are to steer it, also {@code down_block_residual.i} and {@code
 * mid_block_residual}, in the order and with the channels of {@link ResidualLayout}; their other
 * extents may be 1.
 *
 * <p>Where T2I-Adapters are to steer it, also {@code adapter_feature.i}, {@code [1, channels, …]}
 * as {@link AdapterLayout} says; their height and width may be 1.
 */
public final class UnetGraph {
  private final UnetConfig config;
  private final Component component;
  private final GraphBuilder graph;
  private final UnetEncoder encoder;

  private UnetGraph(Component component, WeightSource weights) throws CheckpointException {
    this.component = component;
    this.config = UnetConfig.of(component);
    this.graph = new GraphBuilder("unet", weights);
    this.encoder = new UnetEncoder(config, graph);
  }

  /**
   * Emits the graph.
   *
   * @param component the checkpoint's {@code unet}
   * @param weights its tensors; only names and shapes are read
   * @param residuals whether ControlNets are to steer it
   * @param features whether T2I-Adapters are to steer it
   * @return the model without its weights
   * @throws CheckpointException if the configuration asks for what is not supported, or a tensor is
   *     missing or has another shape than the configuration says
   */
  public static NetworkGraph emit(
      Component component, WeightSource weights, boolean residuals, boolean features)
      throws CheckpointException {
    return new UnetGraph(component, weights).emit(residuals, features);
  }

  private NetworkGraph emit(boolean residuals, boolean features) throws CheckpointException {
    int first = config.blockOutChannels.get(0);
    if (features) {
      encoder.adapt();
    }
    String x = encoder.downBlocks(encoder.convIn());
    x = encoder.midBlock(x);
    if (!config.midBlockType.isEmpty()) {
      int blocks = config.downBlockTypes.size();
      x = encoder.addFeature(x, config.blockOutChannels.get(blocks - 1), blocks);
    }
    Deque<UnetEncoder.Skip> skips = new ArrayDeque<>();
    for (UnetEncoder.Skip skip : encoder.skips()) {
      skips.push(residuals ? add(skip, "down_block_residual." + skips.size()) : skip);
    }
    if (residuals) {
      int channels = config.blockOutChannels.get(config.blockOutChannels.size() - 1);
      x = add(new UnetEncoder.Skip(x, channels), "mid_block_residual").value();
    }
    x = upBlocks(x, skips);

    graph.scope("conv_out");
    x = graph.groupNorm(x, "conv_norm_out", first, config.normNumGroups, config.normEps);
    x = Activations.apply(graph, config.activation, x);
    x = graph.conv(x, "conv_out", first, config.outChannels, component.intOr("conv_out_kernel", 3));
    graph.output(x, "out_sample", "batch", config.outChannels, "height", "width");
    return graph.build();
  }

  /** A value with an input of its channels added. */
  private UnetEncoder.Skip add(UnetEncoder.Skip skip, String name) {
    graph.scope("controlnet");
    String residual =
        graph.input(
            name,
            TensorProto.DataType.FLOAT,
            name + ".batch",
            skip.channels(),
            name + ".height",
            name + ".width");
    return new UnetEncoder.Skip(graph.add(skip.value(), residual), skip.channels());
  }

  private String upBlocks(String x, Deque<UnetEncoder.Skip> skips) throws CheckpointException {
    int last = config.upBlockTypes.size() - 1;
    int channels = config.blockOutChannels.get(last);
    for (int i = 0; i <= last; i++) {
      String path = "up_blocks." + i;
      int mirrored = last - i;
      int out = config.blockOutChannels.get(mirrored);
      boolean attends = config.upBlockTypes.get(i).equals("CrossAttnUpBlock2D");
      for (int layer = 0; layer <= config.layersPerBlock.get(mirrored); layer++) {
        UnetEncoder.Skip skip = next(skips);
        skips.pop();
        int in = channels + skip.channels();
        x = graph.concat(1, List.of(x, skip.value()));
        x = encoder.resnet(x, path + ".resnets." + layer, in, out);
        channels = out;
        if (attends) {
          x =
              encoder.attend(
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
        x = graph.upsampleTo(x, graph.shape(next(skips).value(), 2, 4));
        x = graph.conv(x, path + ".upsamplers.0.conv", out, out, 3);
      }
    }
    return x;
  }

  private UnetEncoder.Skip next(Deque<UnetEncoder.Skip> skips) throws CheckpointException {
    UnetEncoder.Skip skip = skips.peek();
    if (skip == null) {
      throw new CheckpointException(
          "%s: the up blocks need more skip connections than the down blocks give"
              .formatted(component.folder().resolve("config.json")));
    }
    return skip;
  }
}
