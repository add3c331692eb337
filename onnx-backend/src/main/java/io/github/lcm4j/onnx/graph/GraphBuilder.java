package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.safetensors.TensorInfo;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes an ONNX graph node by node. Values are named by strings; every method that adds a node
 * returns the name of its output. Node names carry the module path they belong to, so that a
 * profile can be read.
 */
final class GraphBuilder {
  /** The first opset with Gelu as an operator of its own. */
  private static final int OPSET = 20;

  private static final int IR_VERSION = 9;
  static final String MICROSOFT = "com.microsoft";

  private final GraphProto.Builder graph = GraphProto.newBuilder();
  private final WeightSource source;
  private final Map<String, long[]> weights = new LinkedHashMap<>();
  private final Map<ByteString, String> constants = new HashMap<>();
  private String scope = "";
  private int counter;

  GraphBuilder(String name, WeightSource source) {
    this.source = source;
    graph.setName(name);
  }

  NetworkGraph build() {
    ModelProto model =
        ModelProto.newBuilder()
            .setIrVersion(IR_VERSION)
            .setProducerName("lcm4j")
            .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(OPSET))
            .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain(MICROSOFT).setVersion(1))
            .setGraph(graph)
            .build();
    return new NetworkGraph(model, weights, DType.FLOAT32);
  }

  /** The module path that the following nodes belong to, but for those of layers with weights. */
  void scope(String path) {
    scope = path;
  }

  /** Nodes of one module, written one after the other. */
  private interface Nodes {
    String write() throws CheckpointException;
  }

  /** Writes a module's nodes under its own path, by which they can be told from others' again. */
  private String in(String path, Nodes nodes) throws CheckpointException {
    String outer = scope;
    scope = path;
    String value = nodes.write();
    scope = outer;
    return value;
  }

  // ---- inputs, outputs and initializers ----------------------------------------------------

  /**
   * Declares an input.
   *
   * @param dims extents as numbers or names of symbolic ones
   */
  String input(String name, TensorProto.DataType type, Object... dims) {
    graph.addInput(valueInfo(name, type, dims));
    return name;
  }

  /** Declares a value to be an output, under a name of its own. */
  void output(String value, String name, Object... dims) {
    graph.addNode(
        NodeProto.newBuilder().setOpType("Identity").setName(name).addInput(value).addOutput(name));
    graph.addOutput(valueInfo(name, TensorProto.DataType.FLOAT, dims));
  }

  static ValueInfoProto valueInfo(String name, TensorProto.DataType type, Object... dims) {
    TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
    for (Object dim : dims) {
      TensorShapeProto.Dimension.Builder dimension = TensorShapeProto.Dimension.newBuilder();
      if (dim instanceof Number number) {
        dimension.setDimValue(number.longValue());
      } else {
        dimension.setDimParam(dim.toString());
      }
      shape.addDim(dimension);
    }
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(
            TypeProto.newBuilder()
                .setTensorType(
                    TypeProto.Tensor.newBuilder().setElemType(type.getNumber()).setShape(shape)))
        .build();
  }

  boolean hasWeight(String name) {
    return source.contains(name);
  }

  /** The shape a weight has in the checkpoint. */
  long[] weightShape(String name) throws CheckpointException {
    return info(name).shape();
  }

  private TensorInfo info(String name) throws CheckpointException {
    if (!source.contains(name)) {
      throw new CheckpointException(
          "%s has no tensor %s, which config.json asks for".formatted(source.description(), name));
    }
    return source.info(name);
  }

  /**
   * A weight of the checkpoint. Extents of 1 at the end may be added or left out, so that a 1×1
   * convolution serves as a linear layer and the other way round.
   *
   * @throws CheckpointException if it is not there or has another shape
   */
  String weight(String name, long... shape) throws CheckpointException {
    TensorInfo info = info(name);
    if (!Arrays.equals(withoutTrailingOnes(info.shape()), withoutTrailingOnes(shape))) {
      throw new CheckpointException(
          "%s: tensor %s has shape %s, config.json asks for %s"
              .formatted(
                  source.description(),
                  name,
                  Arrays.toString(info.shape()),
                  Arrays.toString(shape)));
    }
    weights.putIfAbsent(name, shape.clone());
    return name;
  }

  private static long[] withoutTrailingOnes(long[] shape) {
    int rank = shape.length;
    while (rank > 0 && shape[rank - 1] == 1) {
      rank--;
    }
    return Arrays.copyOf(shape, rank);
  }

  /** A constant list of int64. */
  String longs(long... values) {
    return constant(longTensor(values).addDims(values.length));
  }

  /** A constant int64 scalar. */
  String longScalar(long value) {
    return constant(longTensor(value));
  }

  static TensorProto.Builder longTensor(long... values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (long value : values) {
      bytes.putLong(value);
    }
    return TensorProto.newBuilder()
        .setDataType(TensorProto.DataType.INT64.getNumber())
        .setRawData(ByteString.copyFrom(bytes.flip()));
  }

  /** A constant float32 scalar. */
  String scalar(float value) {
    return floats(new float[] {value});
  }

  /** A constant float32 tensor. */
  String floats(float[] values, long... shape) {
    return constant(floatTensor(values, shape));
  }

  static TensorProto.Builder floatTensor(float[] values, long... shape) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      bytes.putFloat(value);
    }
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setDataType(TensorProto.DataType.FLOAT.getNumber())
            .setRawData(ByteString.copyFrom(bytes.flip()));
    for (long extent : shape) {
      tensor.addDims(extent);
    }
    return tensor;
  }

  /** Equal constants are stored once. */
  private String constant(TensorProto.Builder tensor) {
    return constants.computeIfAbsent(
        tensor.build().toByteString(),
        key -> {
          String name = "constant_" + constants.size();
          graph.addInitializer(tensor.setName(name));
          return name;
        });
  }

  // ---- nodes -------------------------------------------------------------------------------

  static AttributeProto attribute(String name, long value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.INT)
        .setI(value)
        .build();
  }

  static AttributeProto attribute(String name, float value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.FLOAT)
        .setF(value)
        .build();
  }

  static AttributeProto attribute(String name, String value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.STRING)
        .setS(ByteString.copyFromUtf8(value))
        .build();
  }

  static AttributeProto attribute(String name, GraphProto.Builder value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.GRAPH)
        .setG(value)
        .build();
  }

  static AttributeProto attribute(String name, long... values) {
    AttributeProto.Builder builder =
        AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INTS);
    for (long value : values) {
      builder.addInts(value);
    }
    return builder.build();
  }

  /** A node of the standard operator set with one output. */
  String node(String operator, List<String> inputs, AttributeProto... attributes) {
    return add("", operator, inputs, 1, attributes)[0];
  }

  /** A node of ONNX Runtime's own operator set with one output. */
  String contrib(String operator, List<String> inputs, AttributeProto... attributes) {
    return add(MICROSOFT, operator, inputs, 1, attributes)[0];
  }

  /** A node of the standard operator set with several outputs. */
  String[] nodes(String operator, List<String> inputs, int outputs, AttributeProto... attributes) {
    return add("", operator, inputs, outputs, attributes);
  }

  private String[] add(
      String domain,
      String operator,
      List<String> inputs,
      int outputs,
      AttributeProto... attributes) {
    String name = (scope.isEmpty() ? "" : scope + "/") + operator + "_" + counter++;
    NodeProto.Builder node =
        NodeProto.newBuilder()
            .setName(name)
            .setOpType(operator)
            .setDomain(domain)
            .addAllInput(inputs)
            .addAllAttribute(Arrays.asList(attributes));
    String[] names = new String[outputs];
    for (int i = 0; i < outputs; i++) {
      names[i] = outputs == 1 ? name : name + "." + i;
      node.addOutput(names[i]);
    }
    graph.addNode(node);
    return names;
  }

  // ---- arithmetic --------------------------------------------------------------------------

  String add(String a, String b) {
    return node("Add", List.of(a, b));
  }

  String multiply(String a, String b) {
    return node("Mul", List.of(a, b));
  }

  String multiply(String a, float factor) {
    return factor == 1 ? a : multiply(a, scalar(factor));
  }

  /** x·σ(x). */
  String silu(String x) {
    return quickGelu(x, 1);
  }

  /** x·σ(αx). */
  String quickGelu(String x, float alpha) {
    return contrib("QuickGelu", List.of(x), attribute("alpha", alpha));
  }

  /** The exact GELU, with the error function. */
  String gelu(String x) {
    return node("Gelu", List.of(x));
  }

  // ---- shapes ------------------------------------------------------------------------------

  /** The extents {@code [start, end)} of a value as an int64 list. */
  String shape(String x, int start, int end) {
    return node(
        "Shape", List.of(x), attribute("start", (long) start), attribute("end", (long) end));
  }

  String reshape(String x, long... shape) {
    return reshapeTo(x, longs(shape));
  }

  String reshapeTo(String x, String shape) {
    return node("Reshape", List.of(x, shape));
  }

  String transpose(String x, long... permutation) {
    return node("Transpose", List.of(x), attribute("perm", permutation));
  }

  String concat(int axis, List<String> parts) {
    return node("Concat", parts, attribute("axis", (long) axis));
  }

  // ---- layers ------------------------------------------------------------------------------

  /**
   * A fully connected layer over the rows of a matrix.
   *
   * @param x {@code [rows, in]}
   * @param path module path; its bias is used if the checkpoint has one
   * @return {@code [rows, out]}
   */
  String linear(String x, String path, long in, long out) throws CheckpointException {
    String weight = weight(path + ".weight", out, in);
    List<String> inputs =
        hasWeight(path + ".bias")
            ? List.of(x, weight, weight(path + ".bias", out))
            : List.of(x, weight);
    return in(path, () -> node("Gemm", inputs, attribute("transB", 1L)));
  }

  /**
   * A square two-dimensional convolution.
   *
   * @param pads begin and end padding: top, left, bottom, right
   */
  String conv(String x, String path, long in, long out, int kernel, int stride, long... pads)
      throws CheckpointException {
    String weight = weight(path + ".weight", out, in, kernel, kernel);
    List<String> inputs =
        hasWeight(path + ".bias")
            ? List.of(x, weight, weight(path + ".bias", out))
            : List.of(x, weight);
    return in(
        path,
        () ->
            node(
                "Conv",
                inputs,
                attribute("kernel_shape", kernel, kernel),
                attribute("strides", stride, stride),
                attribute("pads", pads)));
  }

  /** A convolution that keeps the size: stride 1, padding half the kernel. */
  String conv(String x, String path, long in, long out, int kernel) throws CheckpointException {
    long pad = (kernel - 1) / 2;
    return conv(x, path, in, out, kernel, 1, pad, pad, pad, pad);
  }

  /**
   * Group normalisation (Wu and He 2018) of {@code [batch, channels, …]}. ONNX Runtime's CPU has no
   * kernel of that name; normalising each group as one instance is the same arithmetic.
   */
  String groupNorm(String x, String path, long channels, int groups, float epsilon)
      throws CheckpointException {
    requireDivides("norm_num_groups", groups, channels, path);
    return in(path, () -> normalizeGroups(x, path, channels, groups, epsilon));
  }

  private String normalizeGroups(String x, String path, long channels, int groups, float epsilon)
      throws CheckpointException {
    float[] ones = new float[groups];
    Arrays.fill(ones, 1);
    String grouped = reshape(x, 0, groups, -1);
    String normal =
        node(
            "InstanceNormalization",
            List.of(grouped, floats(ones, groups), floats(new float[groups], groups)),
            attribute("epsilon", epsilon));
    String restored = reshapeTo(normal, node("Shape", List.of(x)));
    String scaled = multiply(restored, weight(path + ".weight", channels, 1, 1));
    return add(scaled, weight(path + ".bias", channels, 1, 1));
  }

  /** Refuses a configuration whose parts would not come out even. */
  void requireDivides(String key, int parts, long width, String path) throws CheckpointException {
    if (parts < 1 || width % parts != 0) {
      throw new CheckpointException(
          "%s: %s is %d, which does not divide the width %d of %s; is its config.json the right one?"
              .formatted(source.description(), key, parts, width, path));
    }
  }

  /** Layer normalisation (Ba et al. 2016) over the last axis. */
  String layerNorm(String x, String path, long width, float epsilon) throws CheckpointException {
    List<String> inputs =
        List.of(x, weight(path + ".weight", width), weight(path + ".bias", width));
    return in(
        path,
        () ->
            node(
                "LayerNormalization",
                inputs,
                attribute("axis", -1L),
                attribute("epsilon", epsilon)));
  }

  /**
   * Scaled dot-product attention (Vaswani et al. 2017), fused: no score matrix is built.
   *
   * @param query {@code [batch, queries, width]}
   * @param key {@code [batch, keys, width]}
   * @param value {@code [batch, keys, width]}
   * @param heads number of heads the width is split into
   * @param bias added to the scores, {@code [1, 1, queries, keys]}; empty for none
   */
  String attention(String query, String key, String value, int heads, String bias) {
    List<String> inputs =
        bias.isEmpty() ? List.of(query, key, value) : List.of(query, key, value, "", "", bias);
    return contrib("MultiHeadAttention", inputs, attribute("num_heads", (long) heads));
  }

  /** Nearest-neighbour upsampling to the height and width of an int64 pair. */
  String upsampleTo(String x, String heightAndWidth) {
    String sizes = concat(0, List.of(shape(x, 0, 2), heightAndWidth));
    return node(
        "Resize",
        List.of(x, "", "", sizes),
        attribute("mode", "nearest"),
        attribute("nearest_mode", "floor"),
        attribute("coordinate_transformation_mode", "asymmetric"));
  }

  /** Nearest-neighbour upsampling by a whole factor. */
  String upsample(String x, int factor) {
    return node(
        "Resize",
        List.of(x, "", floats(new float[] {1, 1, factor, factor}, 4)),
        attribute("mode", "nearest"),
        attribute("nearest_mode", "floor"),
        attribute("coordinate_transformation_mode", "asymmetric"));
  }
}
