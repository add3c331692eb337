package io.github.lcm4j.onnx.export;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The nodes of a graph that compute one torch module with parameters.
 *
 * @param kind what it computes
 * @param node index of the node that takes the weight; tells modules apart
 * @param input the value it is applied to
 * @param outputs the values it makes: its result, and the product before its bias
 * @param weight where the weight is taken
 * @param bias where the bias is taken, or null
 */
record GraphModule(
    Kind kind,
    int node,
    String input,
    List<String> outputs,
    WeightSite weight,
    @Nullable WeightSite bias) {

  /** Kinds of modules. */
  enum Kind {
    CONVOLUTION,
    LINEAR,
    GROUP_NORM,
    LAYER_NORM,
    EMBEDDING;

    /** Whether its weight is a matrix or a kernel. */
    boolean isMultiplication() {
      return this == CONVOLUTION || this == LINEAR;
    }
  }

  boolean is(Kind expected) {
    return kind == expected;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof GraphModule that && node == that.node;
  }

  @Override
  public int hashCode() {
    return node;
  }
}
