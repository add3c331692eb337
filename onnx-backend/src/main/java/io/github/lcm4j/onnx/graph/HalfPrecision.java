package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Rewrites a float32 graph so that it computes in float16. Inputs and outputs stay float32.
 *
 * <p>Values become half-precision where they first meet a weight, and stay so. What is computed
 * from inputs and constants alone therefore stays float32: the sinusoids of timesteps and sizes,
 * whose arguments half precision cannot tell apart (diffusers computes them so too).
 */
final class HalfPrecision {
  private static final float MAX = 65504;
  private static final int FLOAT = TensorProto.DataType.FLOAT.getNumber();
  private static final int FLOAT16 = TensorProto.DataType.FLOAT16.getNumber();

  /** Operators whose output is no floating-point number whatever their inputs are. */
  private static final Set<String> WHOLE =
      Set.of(
          "Shape", "Size", "ArgMax", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual");

  private enum Type {
    FLOAT32,
    FLOAT16
  }

  private final NetworkGraph source;
  private final Set<String> float32Operators;
  private final GraphProto.Builder graph;

  /** Floating-point values that are neither constants nor weights. */
  private final Map<String, Type> types = new HashMap<>();

  private final Map<String, TensorProto> constants = new LinkedHashMap<>();
  private final Set<String> outputs = new HashSet<>();
  private final Set<String> written = new HashSet<>();
  private final List<NodeProto> nodes = new ArrayList<>();

  private HalfPrecision(NetworkGraph source, Set<String> float32Operators) {
    this.source = source;
    this.float32Operators = float32Operators;
    this.graph = source.model().getGraph().toBuilder();
  }

  /**
   * Rewrites a graph.
   *
   * @param source a graph of {@link GraphBuilder}
   * @param float32Operators operators that are to compute in float32 all the same
   */
  static NetworkGraph of(NetworkGraph source, Set<String> float32Operators) {
    return new HalfPrecision(source, float32Operators).rewrite();
  }

  private NetworkGraph rewrite() {
    graph.clearInitializer();
    for (TensorProto constant : source.model().getGraph().getInitializerList()) {
      if (constant.getDataType() == FLOAT) {
        constants.put(constant.getName(), constant);
      } else {
        graph.addInitializer(constant);
      }
    }
    for (ValueInfoProto input : graph.getInputList()) {
      if (input.getType().getTensorType().getElemType() == FLOAT) {
        types.put(input.getName(), Type.FLOAT32);
      }
    }
    graph.getOutputList().forEach(output -> outputs.add(output.getName()));
    for (NodeProto node : source.model().getGraph().getNodeList()) {
      rewrite(node);
    }
    graph.clearNode().addAllNode(nodes);
    return new NetworkGraph(
        source.model().toBuilder().setGraph(graph).build(),
        source.weights(),
        source.rows(),
        DType.FLOAT16);
  }

  private void rewrite(NodeProto node) {
    Type type = typeOf(node);
    if (type == null) {
      nodes.add(node);
      return;
    }
    if (outputs.contains(node.getOutput(0))) {
      // Identity, which gives a value the output's name.
      nodes.add(cast(in(node.getInput(0), type), node.getOutput(0), FLOAT));
      return;
    }
    boolean stays = type == Type.FLOAT32 || float32Operators.contains(node.getOpType());
    NodeProto.Builder rewritten = node.toBuilder();
    for (int i = 0; i < node.getInputCount(); i++) {
      String input = node.getInput(i);
      if (isFloating(input)) {
        boolean single = stays || isResizeArgument(node, i);
        rewritten.setInput(i, in(input, single ? Type.FLOAT32 : Type.FLOAT16));
      }
    }
    List<NodeProto> casts = new ArrayList<>();
    for (int i = 0; i < node.getOutputCount() && !WHOLE.contains(node.getOpType()); i++) {
      String output = node.getOutput(i);
      types.put(output, type);
      if (stays && type == Type.FLOAT16) {
        rewritten.setOutput(i, output + ".single");
        casts.add(cast(output + ".single", output, FLOAT16));
      }
    }
    nodes.add(rewritten.build());
    nodes.addAll(casts);
  }

  /** Region and scales of Resize, which have types of their own. */
  private static boolean isResizeArgument(NodeProto node, int input) {
    return input > 0 && node.getOpType().equals("Resize");
  }

  /** What a node computes in; null if it has nothing to do with floating-point numbers. */
  private Type typeOf(NodeProto node) {
    boolean constant = false;
    boolean single = false;
    for (int i = 0; i < node.getInputCount(); i++) {
      String input = node.getInput(i);
      if (isResizeArgument(node, i)) {
        continue;
      }
      if (source.weights().containsKey(input) || types.get(input) == Type.FLOAT16) {
        return Type.FLOAT16;
      }
      single |= types.get(input) == Type.FLOAT32;
      constant |= constants.containsKey(input);
    }
    return single ? Type.FLOAT32 : constant ? Type.FLOAT16 : null;
  }

  private boolean isFloating(String value) {
    return types.containsKey(value)
        || constants.containsKey(value)
        || source.weights().containsKey(value);
  }

  /** The name under which a value is there in a type. */
  private String in(String value, Type type) {
    TensorProto constant = constants.get(value);
    if (constant != null) {
      String name = type == Type.FLOAT16 ? value + ".half" : value;
      if (written.add(name)) {
        graph.addInitializer(type == Type.FLOAT16 ? half(constant, name) : constant);
      }
      return name;
    }
    Type own = types.getOrDefault(value, Type.FLOAT16); // of a weight
    if (own == type) {
      return value;
    }
    String name = value + (type == Type.FLOAT16 ? ".half" : ".float");
    if (written.add(name)) {
      nodes.add(cast(value, name, type == Type.FLOAT16 ? FLOAT16 : FLOAT));
    }
    return name;
  }

  /** A mask's −∞ becomes the lowest finite number, as transformers has it. */
  private static TensorProto half(TensorProto constant, String name) {
    ByteBuffer bytes = constant.getRawData().asReadOnlyByteBuffer();
    float[] values = new float[bytes.remaining() / Float.BYTES];
    bytes.order(java.nio.ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.min(MAX, Math.max(-MAX, values[i]));
    }
    Tensor half = Tensor.of(values, values.length).cast(DType.FLOAT16);
    return constant.toBuilder()
        .setName(name)
        .setDataType(FLOAT16)
        .setRawData(ByteString.copyFrom(half.buffer()))
        .build();
  }

  private static NodeProto cast(String from, String to, int type) {
    return NodeProto.newBuilder()
        .setOpType("Cast")
        .setName(to + ".cast")
        .addInput(from)
        .addOutput(to)
        .addAttribute(
            AttributeProto.newBuilder()
                .setName("to")
                .setType(AttributeProto.AttributeType.INT)
                .setI(type))
        .build();
  }
}
