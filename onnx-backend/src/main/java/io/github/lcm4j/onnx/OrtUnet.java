package io.github.lcm4j.onnx;

import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A UNet emitted by {@link io.github.lcm4j.onnx.graph.UnetGraph}. */
final class OrtUnet implements Unet {
  private final OrtNetwork network;
  private final int inChannels;
  private final int outChannels;
  private final int timeCondProjDim;
  private final boolean textTime;

  OrtUnet(OrtNetwork network, Component component) {
    this.network = network;
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
    if (!input.downBlockResiduals().isEmpty() || input.midBlockResidual() != null) {
      throw new UnsupportedOperationException("this UNet was loaded without ControlNet inputs");
    }
    Map<String, Tensor> inputs = new HashMap<>();
    inputs.put("sample", input.sample());
    inputs.put("timestep", Tensor.of(new float[] {(float) input.timestep()}, 1));
    inputs.put("encoder_hidden_states", input.encoderHiddenStates());
    put(inputs, "timestep_cond", input.timestepCond());
    put(inputs, "text_embeds", input.textEmbeds());
    put(inputs, "time_ids", input.timeIds());
    long[] shape = input.sample().shape();
    shape[1] = outChannels;
    Tensor prediction = Tensor.allocate(DType.FLOAT32, shape);
    network.run(inputs, Map.of("out_sample", prediction));
    return prediction;
  }

  private static void put(Map<String, Tensor> inputs, String name, @Nullable Tensor value) {
    if (value != null) {
      inputs.put(name, value);
    }
  }
}
