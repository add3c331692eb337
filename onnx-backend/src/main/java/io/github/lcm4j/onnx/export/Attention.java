package io.github.lcm4j.onnx.export;

import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The three projections of an attention, told apart by what becomes of them: the query and the key
 * meet before the softmax, the value after it.
 */
record Attention(GraphModule query, GraphModule key, GraphModule value) {

  /** The attention whose result a projection takes; null if it is none that can be read. */
  static @Nullable Attention before(OnnxGraph graph, DataFlow flow, GraphModule projection) {
    int node =
        flow.nearest(
            projection.input(),
            candidate -> isProduct(graph, candidate) || isWhole(graph, candidate));
    if (node < 0) {
      return null;
    }
    if (isWhole(graph, node)) {
      return of(flow, graph.input(node, 0), graph.input(node, 1), graph.input(node, 2));
    }
    int scores = flow.nearest(graph.input(node, 0), candidate -> isProduct(graph, candidate));
    return scores < 0
        ? null
        : of(flow, graph.input(scores, 0), graph.input(scores, 1), graph.input(node, 1));
  }

  /** A product of activations; FusedMatMul is ONNX Runtime's MatMul with a scale or a transpose. */
  private static boolean isProduct(OnnxGraph graph, int node) {
    String opType = graph.node(node).getOpType();
    return opType.equals("MatMul") || opType.equals("FusedMatMul");
  }

  /** An operator that takes query, key and value. */
  private static boolean isWhole(OnnxGraph graph, int node) {
    String opType = graph.node(node).getOpType();
    return opType.equals("Attention") || opType.equals("MultiHeadAttention");
  }

  private static @Nullable Attention of(DataFlow flow, String query, String key, String value) {
    Set<GraphModule> found = new HashSet<>();
    GraphModule[] projections = new GraphModule[3];
    String[] operands = {query, key, value};
    for (int index = 0; index < 3; index++) {
      Set<GraphModule> feeders = flow.feed(operands[index]).modules();
      if (feeders.size() != 1) {
        return null;
      }
      projections[index] = feeders.iterator().next();
      found.add(projections[index]);
    }
    return found.size() == 3 ? new Attention(projections[0], projections[1], projections[2]) : null;
  }
}
