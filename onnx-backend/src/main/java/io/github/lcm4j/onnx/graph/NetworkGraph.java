package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
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

  /** This network with an input that is a scalar; its graph must take one too. */
  public NetworkGraph withScalar(String input) {
    GraphProto.Builder graph = model.getGraph().toBuilder();
    for (ValueInfoProto.Builder value : graph.getInputBuilderList()) {
      if (value.getName().equals(input)) {
        value.getTypeBuilder().getTensorTypeBuilder().getShapeBuilder().clearDim();
      }
    }
    return new NetworkGraph(model.toBuilder().setGraph(graph).build(), weights);
  }
}
