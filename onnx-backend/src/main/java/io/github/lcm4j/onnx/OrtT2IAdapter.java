package io.github.lcm4j.onnx;

import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.onnx.graph.T2IAdapterGraph;
import io.github.lcm4j.spi.T2IAdapter;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A T2I-Adapter emitted by {@link T2IAdapterGraph}. */
final class OrtT2IAdapter implements T2IAdapter {
  private final Network network;
  private final List<T2IAdapterGraph.Feature> features;
  private final int inChannels;
  private final int downscaleFactor;

  OrtT2IAdapter(Network network, Component component) throws CheckpointException {
    this.network = network;
    this.features = T2IAdapterGraph.features(component);
    this.inChannels = component.intOr("in_channels", 3);
    this.downscaleFactor = T2IAdapterGraph.downscaleFactor(component);
  }

  @Override
  public int inChannels() {
    return inChannels;
  }

  @Override
  public int downscaleFactor() {
    return downscaleFactor;
  }

  @Override
  public List<Tensor> features(Tensor image, double conditioningScale) {
    List<Tensor> found = new ArrayList<>();
    Map<String, Tensor> outputs = new HashMap<>();
    for (T2IAdapterGraph.Feature feature : features) {
      Tensor tensor =
          Tensor.allocate(
              DType.FLOAT32,
              1,
              feature.channels(),
              extent(image.dimension(2), feature.halvings()),
              extent(image.dimension(3), feature.halvings()));
      outputs.put("feature." + found.size(), tensor);
      found.add(tensor);
    }
    network.run(
        Map.of(
            "image",
            image,
            "conditioning_scale",
            Tensor.of(new float[] {(float) conditioningScale}, 1)),
        outputs);
    return found;
  }

  private long extent(long pixels, int halvings) {
    long extent = pixels / downscaleFactor;
    for (int i = 0; i < halvings; i++) {
      extent = (extent + 1) / 2;
    }
    return extent;
  }
}
