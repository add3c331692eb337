package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.ModelProto;
import io.github.lcm4j.tensor.DType;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * A network as an ONNX model without its weights.
 *
 * @param model the model; it uses the values named in {@code weights} without declaring them
 * @param weights the shape each weight has in the graph, by its name in the checkpoint
 * @param type the type it takes the weights in
 */
public record NetworkGraph(ModelProto model, Map<String, long[]> weights, DType type) {
  /** Copies the map, keeping its order. */
  public NetworkGraph {
    weights = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(weights));
  }

  /** A network that computes in float32. */
  NetworkGraph(ModelProto model, Map<String, long[]> weights) {
    this(model, weights, DType.FLOAT32);
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
