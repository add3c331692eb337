package io.github.lcm4j.onnx.graph;

import static io.github.lcm4j.onnx.graph.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The nodes of a graph that is being rewritten: some are kept, others replaced by several. */
final class NodeList {
  private final List<NodeProto> nodes = new ArrayList<>();
  private final Map<String, TensorProto> constants;
  private final Map<ByteString, String> written;
  private final Map<String, ValueInfoProto> inputs;
  private final String prefix;
  private final String valuePrefix;
  private String scope = "";

  /**
   * An empty list.
   *
   * @param prefix sets apart the names of what is written
   */
  NodeList(String prefix) {
    this.prefix = prefix;
    this.valuePrefix = prefix;
    this.constants = new LinkedHashMap<>();
    this.written = new HashMap<>();
    this.inputs = new LinkedHashMap<>();
  }

  private NodeList(NodeList outer, String valuePrefix) {
    this.prefix = outer.prefix;
    this.valuePrefix = valuePrefix;
    this.scope = outer.scope;
    this.constants = outer.constants;
    this.written = new HashMap<>(outer.written);
    this.inputs = outer.inputs;
  }

  /** Nodes that run on a condition, and see the values of these; for {@link #either}. */
  NodeList branch(String name) {
    return new NodeList(this, prefix + nodes.size() + name);
  }

  /**
   * A float32 value that one of two branches computes.
   *
   * @param condition whether it is the first
   * @param y its value
   * @param otherwise the second
   * @param other its value
   */
  String either(String condition, NodeList first, String y, NodeList otherwise, String other) {
    return node(
        "If", List.of(condition), first.as("then_branch", y), otherwise.as("else_branch", other));
  }

  private AttributeProto as(String name, String output) {
    ValueInfoProto.Builder value =
        GraphBuilder.valueInfo(output, TensorProto.DataType.FLOAT).toBuilder();
    value.getTypeBuilder().getTensorTypeBuilder().clearShape();
    return GraphBuilder.attribute(
        name, GraphProto.newBuilder().setName(name).addAllNode(nodes).addOutput(value));
  }

  /** Keeps a node as it is. */
  void keep(NodeProto node) {
    nodes.add(node);
  }

  /** The node that the following ones stand for. */
  void replacing(NodeProto node) {
    scope = node.getName() + "/" + prefix;
  }

  /** Gives a value the name that the rest of the graph knows. */
  void name(String value, String name) {
    nodes.add(
        NodeProto.newBuilder()
            .setName(scope + "/Identity_" + nodes.size())
            .setOpType("Identity")
            .addInput(value)
            .addOutput(name)
            .build());
  }

  /** A node that computes the same as another from other inputs. */
  String like(NodeProto node, List<String> inputs) {
    return like(node, inputs, node.getAttributeList());
  }

  /** A node of the same operator as another. */
  String like(NodeProto node, List<String> inputs, List<AttributeProto> attributes) {
    return add(
        node.getDomain(), node.getOpType(), inputs, attributes.toArray(AttributeProto[]::new));
  }

  /** The model with these nodes instead of its own. */
  ModelProto in(ModelProto model) {
    GraphProto.Builder graph =
        model.getGraph().toBuilder()
            .clearNode()
            .addAllNode(nodes)
            .addAllInput(inputs.values())
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

  /** Equal nodes are written once: a session takes its time over each. */
  private String add(
      String domain, String operator, List<String> inputs, AttributeProto... attributes) {
    NodeProto.Builder node =
        NodeProto.newBuilder()
            .setDomain(domain)
            .setOpType(operator)
            .addAllInput(inputs)
            .addAllAttribute(Arrays.asList(attributes));
    return written.computeIfAbsent(
        node.build().toByteString(),
        key -> {
          // Short: ONNX Runtime looks values up by name again and again.
          String value = valuePrefix + nodes.size();
          nodes.add(node.setName(scope + "/" + value).addOutput(value).build());
          return value;
        });
  }

  String longs(long... values) {
    return constant(
        "longs" + Arrays.toString(values), GraphBuilder.longTensor(values).addDims(values.length));
  }

  String floats(String name, float[] values, long... shape) {
    return constant(name, GraphBuilder.floatTensor(values, shape));
  }

  /**
   * A constant that ONNX Runtime takes for one that a caller may replace, so that it does not
   * compute what depends on it in advance and keep it.
   */
  String unfolded(String name, float[] values, long... shape) {
    String constant = floats(name, values, shape);
    inputs.computeIfAbsent(
        constant,
        absent ->
            GraphBuilder.valueInfo(
                absent, TensorProto.DataType.FLOAT, Arrays.stream(shape).boxed().toArray()));
    return constant;
  }

  private String constant(String key, TensorProto.Builder tensor) {
    String name = prefix + "/" + key;
    constants.computeIfAbsent(name, absent -> tensor.setName(absent).build());
    return name;
  }
}
