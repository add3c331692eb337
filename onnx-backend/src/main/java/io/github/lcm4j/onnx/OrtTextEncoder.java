package io.github.lcm4j.onnx;

import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;

/** A text encoder emitted by {@link io.github.lcm4j.onnx.graph.ClipTextGraph}. */
final class OrtTextEncoder implements TextEncoder {
  private static final String PROJECTION = "text_projection.weight";

  private final Network network;
  private final int layers;
  private final int hiddenSize;
  private final String name;
  private final TokenIds tokenIds;
  private final long projectionDim;

  /**
   * @param furtherTokens tokens beyond the vocabulary
   */
  OrtTextEncoder(Network network, Component component, WeightSource weights, int furtherTokens)
      throws CheckpointException {
    this.network = network;
    this.name = component.name();
    this.layers = component.requireInt("num_hidden_layers");
    this.hiddenSize = component.requireInt("hidden_size");
    this.tokenIds =
        new TokenIds(
            name,
            component.requireInt("vocab_size") + furtherTokens,
            component.requireInt("max_position_embeddings"));
    this.projectionDim = weights.contains(PROJECTION) ? weights.info(PROJECTION).shape()[0] : 0;
  }

  @Override
  public int layers() {
    return layers;
  }

  @Override
  public int hiddenSize() {
    return hiddenSize;
  }

  @Override
  public Encoding encode(Tensor inputIds, int layersFromEnd, boolean normalize) {
    tokenIds.check(inputIds);
    if (layersFromEnd < 0 || layersFromEnd > layers) {
      throw new IllegalArgumentException(
          "%s has %d layers; the hidden state %d before the last does not exist"
              .formatted(name, layers, layersFromEnd));
    }
    long batch = inputIds.dimension(0);
    Map<String, Tensor> outputs = new HashMap<>();
    Tensor hidden = Tensor.allocate(DType.FLOAT32, batch, inputIds.dimension(1), hiddenSize);
    outputs.put((normalize ? "normalized." : "hidden_states.") + (layers - layersFromEnd), hidden);
    Tensor embeds = null;
    if (projectionDim > 0) {
      embeds = Tensor.allocate(DType.FLOAT32, batch, projectionDim);
      outputs.put("text_embeds", embeds);
    }
    network.run(Map.of("input_ids", inputIds), outputs);
    return new Encoding(hidden, embeds);
  }
}
