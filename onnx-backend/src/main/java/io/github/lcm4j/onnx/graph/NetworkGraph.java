package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A network as an ONNX model without its weights.
 *
 * @param model the model; it uses the values named in {@code weights} and {@code filters} without
 *     declaring them
 * @param weights the shape each weight has in the graph, by its name in the checkpoint; float32
 * @param filters convolution weights that the graph uses transformed, by the name they have in the
 *     graph; see {@link WinogradRewriter}
 */
public record NetworkGraph(
    ModelProto model, Map<String, long[]> weights, Map<String, TransformedFilter> filters) {
  /**
   * A convolution's weight, transformed.
   *
   * @param tensor its name in the checkpoint
   * @param form how it is transformed
   */
  public record TransformedFilter(String tensor, Winograd form) {}

  /** Copies the maps, keeping their order. */
  public NetworkGraph {
    weights = Collections.unmodifiableMap(new LinkedHashMap<>(weights));
    filters = Collections.unmodifiableMap(new LinkedHashMap<>(filters));
  }

  NetworkGraph(ModelProto model, Map<String, long[]> weights) {
    this(model, weights, Map.of());
  }

  /** This network with an input that is a scalar; its graph must take one too. */
  public NetworkGraph withScalar(String input) {
    GraphProto.Builder graph = model.getGraph().toBuilder();
    for (ValueInfoProto.Builder value : graph.getInputBuilderList()) {
      if (value.getName().equals(input)) {
        value.getTypeBuilder().getTensorTypeBuilder().getShapeBuilder().clearDim();
      }
    }
    return new NetworkGraph(model.toBuilder().setGraph(graph).build(), weights, filters);
  }
}
