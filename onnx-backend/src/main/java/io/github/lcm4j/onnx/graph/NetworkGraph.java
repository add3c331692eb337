package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.github.lcm4j.tensor.DType;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * A network as an ONNX model without its weights.
 *
 * @param model the model; it uses the values named in {@code weights} without declaring them
 * @param weights the shape each weight has in the graph, by its name in the checkpoint or in {@code
 *     rows}
 * @param rows the weights that are not a whole one of the checkpoint
 * @param type the type it takes the weights in
 */
public record NetworkGraph(
    ModelProto model, Map<String, long[]> weights, Map<String, WeightRows> rows, DType type) {
  /** Copies the maps; that of the weights keeps its order. */
  public NetworkGraph {
    weights = Collections.unmodifiableMap(new LinkedHashMap<>(weights));
    rows = Map.copyOf(rows);
  }

  /** A network with whole weights. */
  NetworkGraph(ModelProto model, Map<String, long[]> weights, DType type) {
    this(model, weights, Map.of(), type);
  }

  /** The same network in other nodes. */
  NetworkGraph withModel(ModelProto other) {
    return new NetworkGraph(other, weights, rows, type);
  }

  /** This network with an input that is a scalar; its graph must take one too. */
  public NetworkGraph withScalar(String input) {
    GraphProto.Builder graph = model.getGraph().toBuilder();
    for (ValueInfoProto.Builder value : graph.getInputBuilderList()) {
      if (value.getName().equals(input)) {
        value.getTypeBuilder().getTensorTypeBuilder().getShapeBuilder().clearDim();
      }
    }
    return withModel(model.toBuilder().setGraph(graph).build());
  }

  /** This network for a batch of one: what it is known to be need not be found out at each run. */
  public NetworkGraph ofOnePicture() {
    GraphProto.Builder graph = model.getGraph().toBuilder();
    for (ValueInfoProto.Builder input : graph.getInputBuilderList()) {
      input
          .getTypeBuilder()
          .getTensorTypeBuilder()
          .getShapeBuilder()
          .getDimBuilder(0)
          .setDimValue(1);
    }
    return withModel(model.toBuilder().setGraph(graph).build());
  }

  /**
   * The same network computing in float16; its inputs and outputs stay float32.
   *
   * @param float32Operators operators that are to compute in float32 all the same, for instance
   *     {@code MultiHeadAttention}
   */
  public NetworkGraph inHalfPrecision(Set<String> float32Operators) {
    return HalfPrecision.of(this, float32Operators);
  }
}
