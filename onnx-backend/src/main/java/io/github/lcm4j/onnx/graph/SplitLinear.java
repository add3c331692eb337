package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Replaces a linear layer whose result is split by one layer for each part, on some rows of its
 * weight: the products are the same, and nothing is copied.
 */
final class SplitLinear {
  private final NetworkGraph network;
  private final Wiring wiring;
  private final Map<String, long[]> weights;
  private final Map<String, WeightRows> rows;

  private SplitLinear(NetworkGraph network) {
    this.network = network;
    this.wiring = Wiring.of(network.model().getGraph());
    this.weights = new LinkedHashMap<>(network.weights());
    this.rows = new LinkedHashMap<>(network.rows());
  }

  static NetworkGraph rewrite(NetworkGraph network) {
    return new SplitLinear(network).rewrite();
  }

  private NetworkGraph rewrite() {
    GraphProto graph = network.model().getGraph();
    List<NodeProto> nodes = new ArrayList<>();
    Set<NodeProto> done = new HashSet<>();
    for (NodeProto node : graph.getNodeList()) {
      NodeProto split = wiring.next(node, "Gemm", "Split");
      if (split != null && isPossible(node, split)) {
        replace(node, split, nodes);
        done.add(split);
      } else if (!done.contains(node)) {
        nodes.add(node);
      }
    }
    GraphProto.Builder changed = graph.toBuilder().clearNode().addAllNode(nodes);
    return new NetworkGraph(
        network.model().toBuilder().setGraph(changed).build(), weights, rows, network.type());
  }

  /** Whether a linear layer's columns are split into equal parts. */
  private boolean isPossible(NodeProto linear, NodeProto split) {
    return split.getInputCount() == 1
        && NodeAttributes.whole(split, "axis", 0) == 1
        && NodeAttributes.whole(linear, "transB", 0) == 1
        && linear.getInputList().stream()
            .skip(1)
            .allMatch(weight -> isPossible(weight, split.getOutputCount()));
  }

  private boolean isPossible(String weight, int parts) {
    long[] shape = network.weights().get(weight);
    return shape != null && wiring.isReadOnce(weight) && shape[0] % parts == 0;
  }

  private void replace(NodeProto linear, NodeProto split, List<NodeProto> nodes) {
    int count = split.getOutputCount();
    List<List<String>> parts =
        linear.getInputList().stream().skip(1).map(weight -> parts(weight, count)).toList();
    for (int i = 0; i < count; i++) {
      NodeProto.Builder part = linear.toBuilder().setName(linear.getName() + "/" + i);
      for (int weight = 0; weight < parts.size(); weight++) {
        part.setInput(1 + weight, parts.get(weight).get(i));
      }
      nodes.add(part.setOutput(0, split.getOutput(i)).build());
    }
  }

  private List<String> parts(String weight, int count) {
    long[] shape = network.weights().get(weight).clone();
    shape[0] /= count;
    return WeightRows.split(weight, count, (int) shape[0], shape, weights, rows);
  }
}
