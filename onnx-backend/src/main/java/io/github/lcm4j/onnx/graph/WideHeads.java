package io.github.lcm4j.onnx.graph;

import static io.github.lcm4j.onnx.graph.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.ArrayList;
import java.util.List;

/**
 * Replaces attention of a single wide head by plain products of some queries at a time. ONNX
 * Runtime's fused attention takes blocks that are the smaller the wider a head is, to stay in the
 * second cache: one head of 512 over 4096 tokens took 400 ms where products of 256 queries took
 * 230.
 */
final class WideHeads {
  /** From this width on the fused operator is slower. */
  private static final long WIDTH = 256;

  /** In how many parts; of 16384 tokens, those of 1024 × 1024, the scores of one take 67 MB. */
  private static final int PARTS = 16;

  private WideHeads() {}

  /**
   * Rewrites a network; of fewer than {@value #PARTS} tokens some parts are empty.
   *
   * @param network a graph for large pictures
   */
  static NetworkGraph rewrite(NetworkGraph network) {
    GraphProto graph = network.model().getGraph();
    Wiring wiring = Wiring.of(graph);
    NodeList nodes = new NodeList("heads");
    for (NodeProto node : graph.getNodeList()) {
      long width = width(node, wiring, network);
      if (width >= WIDTH) {
        replace(node, width, nodes);
      } else {
        nodes.keep(node);
      }
    }
    return network.withModel(nodes.in(network.model()));
  }

  /** The width of an attention's only head; 0 if it has several, a bias, or none is known. */
  private static long width(NodeProto node, Wiring wiring, NetworkGraph network) {
    if (!node.getOpType().equals("MultiHeadAttention")
        || node.getInputCount() != 3
        || NodeAttributes.whole(node, "num_heads", 0) != 1
        || NodeAttributes.find(node, "scale") != null) {
      return 0;
    }
    NodeProto reshape = wiring.producers().get(node.getInput(0));
    NodeProto linear = reshape == null ? null : wiring.producers().get(reshape.getInput(0));
    if (linear == null || !linear.getOpType().equals("Gemm")) {
      return 0;
    }
    long[] weight = network.weights().get(linear.getInput(1));
    return weight == null ? 0 : weight[0];
  }

  private static void replace(NodeProto node, long width, NodeList nodes) {
    nodes.replacing(node);
    String queries = node.getInput(0);
    String keys = node.getInput(1);
    String values = node.getInput(2);
    String count = nodes.shape(queries, 1, 2);
    String from = nodes.longs(0);
    List<String> attended = new ArrayList<>();
    for (int i = 1; i <= PARTS; i++) {
      String to =
          nodes.node(
              "Div",
              List.of(nodes.node("Mul", List.of(count, nodes.longs(i))), nodes.longs(PARTS)));
      String some = nodes.node("Slice", List.of(queries, from, to, nodes.longs(1)));
      String scores =
          nodes.contrib(
              "FusedMatMul",
              List.of(some, keys),
              attribute("transB", 1L),
              attribute("alpha", (float) (1 / Math.sqrt(width))));
      String weights = nodes.node("Softmax", List.of(scores), attribute("axis", -1L));
      attended.add(nodes.node("MatMul", List.of(weights, values)));
      from = to;
    }
    nodes.name(nodes.node("Concat", attended, attribute("axis", 1L)), node.getOutput(0));
  }
}
