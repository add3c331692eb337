package io.github.lcm4j.onnx.graph;

import static io.github.lcm4j.onnx.graph.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The nodes of a graph that is being rewritten: some are kept, others replaced by several. */
final class NodeList {
  private final List<NodeProto> nodes = new ArrayList<>();
  private final Map<String, TensorProto> constants = new LinkedHashMap<>();
  private final String prefix;
  private String scope = "";

  /**
   * An empty list.
   *
   * @param prefix sets apart the names of what is written
   */
  NodeList(String prefix) {
    this.prefix = prefix;
  }

  /** Keeps a node as it is. */
  void keep(NodeProto node) {
    nodes.add(node);
  }

  /** The node that the following ones stand for. */
  void replacing(NodeProto node) {
    scope = node.getName() + "/" + prefix;
  }

  /** The last of them: a value gets the name that the rest of the graph knows. */
  void name(String value, String name) {
    nodes.add(
        NodeProto.newBuilder()
            .setName(scope)
            .setOpType("Identity")
            .addInput(value)
            .addOutput(name)
            .build());
  }

  /** All values that some node reads. */
  Set<String> read() {
    Set<String> names = new LinkedHashSet<>();
    nodes.forEach(node -> names.addAll(node.getInputList()));
    return names;
  }

  /** The model with these nodes instead of its own. */
  ModelProto in(ModelProto model) {
    GraphProto.Builder graph =
        model.getGraph().toBuilder()
            .clearNode()
            .addAllNode(nodes)
            .addAllInitializer(constants.values());
    return model.toBuilder().setGraph(graph).build();
  }

  String shape(String x, long start, long end) {
    return node("Shape", List.of(x), attribute("start", start), attribute("end", end));
  }

  String reshape(String x, long... shape) {
    return node("Reshape", List.of(x, longs(shape)));
  }

  String concat(List<String> parts) {
    return node("Concat", parts, attribute("axis", 0L));
  }

  String node(String operator, List<String> inputs, AttributeProto... attributes) {
    return add("", operator, inputs, attributes);
  }

  /** A node of ONNX Runtime's own operator set with one output. */
  String contrib(String operator, List<String> inputs, AttributeProto... attributes) {
    return add(GraphBuilder.MICROSOFT, operator, inputs, attributes);
  }

  private String add(
      String domain, String operator, List<String> inputs, AttributeProto... attributes) {
    String name = scope + "/" + operator + "_" + nodes.size();
    nodes.add(
        NodeProto.newBuilder()
            .setName(name)
            .setDomain(domain)
            .setOpType(operator)
            .addAllInput(inputs)
            .addAllAttribute(Arrays.asList(attributes))
            .addOutput(name)
            .build());
    return name;
  }

  String longs(long... values) {
    return constant(
        "longs" + Arrays.toString(values), GraphBuilder.longTensor(values).addDims(values.length));
  }

  String floats(String name, float[] values, long... shape) {
    return constant(name, GraphBuilder.floatTensor(values, shape));
  }

  private String constant(String key, TensorProto.Builder tensor) {
    String name = prefix + "/" + key;
    constants.computeIfAbsent(name, absent -> tensor.setName(absent).build());
    return name;
  }
}
