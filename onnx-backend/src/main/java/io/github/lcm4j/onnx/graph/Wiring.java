package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Who writes and reads the values of a graph.
 *
 * @param producers the node that writes a value
 * @param firstReaders a node that reads a value as its first input
 * @param uses how often a value is read, by nodes or as an output
 * @param constants the graph's own constants
 */
record Wiring(
    Map<String, NodeProto> producers,
    Map<String, NodeProto> firstReaders,
    Map<String, Integer> uses,
    Map<String, TensorProto> constants) {

  static Wiring of(GraphProto graph) {
    Wiring wiring = new Wiring(new HashMap<>(), new HashMap<>(), new HashMap<>(), new HashMap<>());
    for (NodeProto node : graph.getNodeList()) {
      node.getOutputList().forEach(output -> wiring.producers.put(output, node));
      if (node.getInputCount() > 0) {
        wiring.firstReaders.put(node.getInput(0), node);
      }
      node.getInputList().forEach(input -> wiring.uses.merge(input, 1, Integer::sum));
    }
    for (ValueInfoProto output : graph.getOutputList()) {
      wiring.uses.merge(output.getName(), 1, Integer::sum);
    }
    graph.getInitializerList().forEach(c -> wiring.constants.put(c.getName(), c));
    return wiring;
  }

  /** Whether a value is read in one place only. */
  boolean isReadOnce(String value) {
    return uses.getOrDefault(value, 0) == 1;
  }

  /** The node behind a value that nobody else reads, if it is of a kind; null if not. */
  @Nullable NodeProto behind(String value, String operator) {
    NodeProto node = producers.get(value);
    return node != null && isReadOnce(value) && node.getOpType().equals(operator) ? node : null;
  }

  /** The one node that takes a node's result as its first input, if both are of a kind. */
  @Nullable NodeProto next(@Nullable NodeProto node, String operator, String nextOperator) {
    if (node == null || !node.getOpType().equals(operator) || !isReadOnce(node.getOutput(0))) {
      return null;
    }
    NodeProto next = firstReaders.get(node.getOutput(0));
    return next != null && next.getOpType().equals(nextOperator) ? next : null;
  }
}
