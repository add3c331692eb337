package io.github.lcm4j.onnx;

import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.onnx.graph.ResidualLayout;
import io.github.lcm4j.spi.ControlNet;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A UNet emitted by {@link io.github.lcm4j.onnx.graph.UnetGraph}. */
final class OrtUnet implements Unet {
  private final Network network;
  private final int inChannels;
  private final int outChannels;
  private final int timeCondProjDim;
  private final boolean textTime;
  private final @Nullable ResidualLayout residualLayout;

  /**
   * @param residualLayout what ControlNets hand over, or null for a graph without such inputs
   */
  OrtUnet(Network network, Component component, @Nullable ResidualLayout residualLayout) {
    this.network = network;
    this.residualLayout = residualLayout;
    this.inChannels = component.intOr("in_channels", 4);
    this.outChannels = component.intOr("out_channels", 4);
    this.timeCondProjDim = component.intOr("time_cond_proj_dim", 0);
    this.textTime = component.textOr("addition_embed_type", "").equals("text_time");
  }

  @Override
  public int inChannels() {
    return inChannels;
  }

  @Override
  public int timeCondProjDim() {
    return timeCondProjDim;
  }

  @Override
  public boolean usesTextTime() {
    return textTime;
  }

  @Override
  public Tensor predict(Input input) {
    Map<String, Tensor> inputs = new HashMap<>();
    inputs.put("sample", input.sample());
    inputs.put("timestep", Tensor.of(new float[] {(float) input.timestep()}, 1));
    inputs.put("encoder_hidden_states", input.encoderHiddenStates());
    put(inputs, "timestep_cond", input.timestepCond());
    put(inputs, "text_embeds", input.textEmbeds());
    put(inputs, "time_ids", input.timeIds());
    putResiduals(inputs, input.residuals());
    long[] shape = input.sample().shape();
    shape[1] = outChannels;
    Tensor prediction = Tensor.allocate(DType.FLOAT32, shape);
    network.run(inputs, Map.of("out_sample", prediction));
    return prediction;
  }

  private void putResiduals(Map<String, Tensor> inputs, ControlNet.@Nullable Residuals residuals) {
    if (residualLayout == null) {
      if (residuals != null) {
        throw new UnsupportedOperationException("this UNet was loaded without ControlNet inputs");
      }
      return;
    }
    List<ResidualLayout.Level> levels = residualLayout.downBlocks();
    for (int i = 0; i < levels.size(); i++) {
      inputs.put(
          "down_block_residual." + i,
          residuals == null ? nothing(levels.get(i)) : residuals.downBlocks().get(i));
    }
    inputs.put(
        "mid_block_residual",
        residuals == null ? nothing(residualLayout.midBlock()) : residuals.midBlock());
  }

  /** A zero a channel, for the whole value. */
  private static Tensor nothing(ResidualLayout.Level level) {
    return Tensor.allocate(DType.FLOAT32, 1, level.channels(), 1, 1);
  }

  static void put(Map<String, Tensor> inputs, String name, @Nullable Tensor value) {
    if (value != null) {
      inputs.put(name, value);
    }
  }
}
