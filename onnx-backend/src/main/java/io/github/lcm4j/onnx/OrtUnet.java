package io.github.lcm4j.onnx;

import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.onnx.graph.AdapterLayout;
import io.github.lcm4j.onnx.graph.ResidualLayout;
import io.github.lcm4j.spi.ControlNet;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.util.ArrayList;
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
  private final @Nullable AdapterLayout adapterLayout;
  private final boolean hasMiddle;

  /**
   * @param residualLayout what ControlNets hand over, or null for a graph without such inputs
   * @param adapterLayout what T2I-Adapters hand over, or null likewise
   */
  OrtUnet(
      Network network,
      Component component,
      @Nullable ResidualLayout residualLayout,
      @Nullable AdapterLayout adapterLayout) {
    this.network = network;
    this.residualLayout = residualLayout;
    this.adapterLayout = adapterLayout;
    // As UnetConfig reads it: null means none, nothing said means the usual one.
    this.hasMiddle = !component.config().path("mid_block_type").isNull();
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
    putFeatures(inputs, input.adapterFeatures(), input.sample());
    long[] shape = input.sample().shape();
    shape[1] = outChannels;
    Tensor prediction = Tensor.allocate(DType.FLOAT32, shape);
    network.run(inputs, Map.of("out_sample", prediction), input.last());
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

  private void putFeatures(Map<String, Tensor> inputs, List<Tensor> features, Tensor sample) {
    if (adapterLayout == null) {
      if (!features.isEmpty()) {
        throw new UnsupportedOperationException("this UNet was loaded without T2I-Adapter inputs");
      }
      return;
    }
    List<AdapterLayout.Place> places = new ArrayList<>(adapterLayout.places());
    if (hasMiddle) {
      places.add(adapterLayout.middle());
    }
    for (int i = 0; i < places.size(); i++) {
      boolean given = i < features.size() && fits(features.get(i), i, sample);
      inputs.put(
          AdapterLayout.input(i),
          given
              ? features.get(i)
              : Tensor.allocate(DType.FLOAT32, 1, places.get(i).channels(), 1, 1));
    }
  }

  /** diffusers passes over a feature for the middle that has another size, as most have. */
  private boolean fits(Tensor feature, int index, Tensor sample) {
    if (adapterLayout == null || index < adapterLayout.places().size()) {
      return true;
    }
    AdapterLayout.Place middle = adapterLayout.middle();
    return feature.dimension(1) == middle.channels()
        && feature.dimension(2) == halved(sample.dimension(2), middle.halvings())
        && feature.dimension(3) == halved(sample.dimension(3), middle.halvings());
  }

  private static long halved(long extent, int times) {
    for (int i = 0; i < times; i++) {
      extent = (extent + 1) / 2;
    }
    return extent;
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
