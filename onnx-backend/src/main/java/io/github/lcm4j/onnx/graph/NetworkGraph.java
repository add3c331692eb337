package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.ModelProto;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A network as an ONNX model without its weights.
 *
 * @param model the model; it uses the values named in {@code weights} without declaring them
 * @param weights the shape each weight has in the graph, by its name in the checkpoint; float32
 */
public record NetworkGraph(ModelProto model, Map<String, long[]> weights) {
  /** Copies the map, keeping its order. */
  public NetworkGraph {
    weights = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(weights));
  }
}
