package io.github.lcm4j.onnx;

import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.onnx.graph.ResidualLayout;
import io.github.lcm4j.spi.ControlNet;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A ControlNet emitted by {@link io.github.lcm4j.onnx.graph.ControlNetGraph}. */
final class OrtControlNet implements ControlNet {
  private final Network network;
  private final ResidualLayout layout;
  private final int conditioningChannels;

  OrtControlNet(Network network, Component component) throws CheckpointException {
    this.network = network;
    this.layout = ResidualLayout.ofControlNet(component);
    this.conditioningChannels = component.intOr("conditioning_channels", 3);
  }

  @Override
  public int conditioningChannels() {
    return conditioningChannels;
  }

  @Override
  public Residuals predict(Input input) {
    Map<String, Tensor> inputs = new HashMap<>();
    inputs.put("sample", input.sample());
    inputs.put("timestep", Tensor.of(new float[] {(float) input.timestep()}, 1));
    inputs.put("encoder_hidden_states", input.encoderHiddenStates());
    inputs.put("controlnet_cond", input.controlImage());
    inputs.put("conditioning_scale", Tensor.of(new float[] {(float) input.conditioningScale()}, 1));
    OrtUnet.put(inputs, "text_embeds", input.textEmbeds());
    OrtUnet.put(inputs, "time_ids", input.timeIds());

    Map<String, Tensor> outputs = new HashMap<>();
    List<Tensor> downBlocks = new ArrayList<>();
    for (int i = 0; i < layout.downBlocks().size(); i++) {
      Tensor residual = allocate(layout.downBlocks().get(i), input.sample());
      downBlocks.add(residual);
      outputs.put("down_block_residual." + i, residual);
    }
    Tensor midBlock = allocate(layout.midBlock(), input.sample());
    outputs.put("mid_block_residual", midBlock);
    network.run(inputs, outputs);
    return new Residuals(downBlocks, midBlock);
  }

  private Tensor allocate(ResidualLayout.Level level, Tensor sample) {
    return Tensor.allocate(
        DType.FLOAT32,
        layout.shape(level, sample.dimension(0), sample.dimension(2), sample.dimension(3)));
  }
}
