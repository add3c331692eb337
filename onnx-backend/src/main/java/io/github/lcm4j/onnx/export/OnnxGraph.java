package io.github.lcm4j.onnx.export;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.github.lcm4j.onnx.graph.NodeAttributes;
import io.github.lcm4j.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A graph's values: which node makes each, which nodes use it, and which are constants. */
final class OnnxGraph {
  /**
   * A use of a value.
   *
   * @param node index of the node
   * @param input index of its input
   */
  record Use(int node, int input) {}

  private final OnnxModelFile file;
  private final GraphProto graph;
  private final Map<String, Integer> producers = new HashMap<>();
  private final Map<String, List<Use>> uses = new HashMap<>();
  private final Set<String> inputs = new LinkedHashSet<>();

  OnnxGraph(OnnxModelFile file) {
    this.file = file;
    this.graph = file.model().getGraph();
    for (int node = 0; node < graph.getNodeCount(); node++) {
      NodeProto proto = graph.getNode(node);
      for (String output : proto.getOutputList()) {
        producers.put(output, node);
      }
      for (int input = 0; input < proto.getInputCount(); input++) {
        uses.computeIfAbsent(proto.getInput(input), value -> new ArrayList<>())
            .add(new Use(node, input));
      }
    }
    for (ValueInfoProto input : graph.getInputList()) {
      if (!file.constants().containsKey(input.getName())) {
        inputs.add(input.getName());
      }
    }
  }

  /** The {@code .onnx} file. */
  Path path() {
    return file.file();
  }

  OnnxModelFile file() {
    return file;
  }

  /** Names of the inputs that must be fed, that is, without initializers listed as inputs. */
  Set<String> inputs() {
    return inputs;
  }

  int nodeCount() {
    return graph.getNodeCount();
  }

  NodeProto node(int index) {
    return graph.getNode(index);
  }

  /** Input of a node, or an empty string where an optional one is left out. */
  String input(int node, int index) {
    NodeProto proto = graph.getNode(node);
    return index < proto.getInputCount() ? proto.getInput(index) : "";
  }

  /** Index of the node that makes a value; −1 for inputs and initializers. */
  int producer(String value) {
    return producers.getOrDefault(value, -1);
  }

  /** The uses of a value, in the order of the nodes. */
  List<Use> uses(String value) {
    return uses.getOrDefault(value, List.of());
  }

  /** An initializer, or the tensor of a Constant node; null if the value is neither. */
  @Nullable StoredTensor constant(String value) {
    return file.constants().get(value);
  }

  /** Whether a node is one of ONNX's own operators of that type. */
  boolean is(int node, String opType) {
    return node >= 0 && isStandard(node) && graph.getNode(node).getOpType().equals(opType);
  }

  /** Whether a node's operator is one of ONNX's own. */
  boolean isStandard(int node) {
    String domain = graph.getNode(node).getDomain();
    return domain.isEmpty() || domain.equals("ai.onnx");
  }

  long intAttribute(int node, String name, long otherwise) {
    return NodeAttributes.whole(graph.getNode(node), name, otherwise);
  }

  float floatAttribute(int node, String name, float otherwise) {
    return NodeAttributes.number(graph.getNode(node), name, otherwise);
  }

  /** A node's list of whole numbers; empty if it has none. */
  long[] intsAttribute(int node, String name) {
    return NodeAttributes.ints(graph.getNode(node), name);
  }

  /** The numbers of a constant int64 value, such as a shape; null if it is not one. */
  long @Nullable [] longs(String value) {
    StoredTensor constant = constant(value);
    if (constant != null) {
      if (constant.dataType() != DataType.INT64_VALUE) {
        return null;
      }
      Tensor tensor = constant.read();
      long[] numbers = new long[tensor.elementCount()];
      tensor.longs().get(numbers);
      return numbers;
    }
    int node = producer(value);
    return is(node, "Constant") ? intsAttribute(node, "value_ints") : null;
  }
}
