package io.github.lcm4j.onnx.export;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import io.github.lcm4j.onnx.graph.NodeAttributes;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Turns a graph that computes in float16 into the same graph in float32: every half-precision type
 * in it becomes the single-precision one.
 */
final class SinglePrecision {
  private static final int FLOAT16 = DataType.FLOAT16_VALUE;
  private static final int FLOAT = DataType.FLOAT_VALUE;

  private final OnnxGraph graph;

  SinglePrecision(OnnxGraph graph) {
    this.graph = graph;
  }

  /**
   * Whether some arithmetic is in half precision (with weights that are cast before use it is not)
   * and can be changed: types inside functions or the graphs of control flow are not followed.
   */
  static boolean applies(OnnxGraph graph) {
    ModelProto model = graph.file().model();
    return model.getFunctionsCount() == 0
        && model.getGraph().getNodeList().stream()
            .flatMap(node -> node.getAttributeList().stream())
            .noneMatch(attribute -> attribute.hasG() || attribute.getGraphsCount() > 0)
        && isHalf(graph);
  }

  private static boolean isHalf(OnnxGraph graph) {
    GraphProto proto = graph.file().model().getGraph();
    for (ValueInfoProto input : proto.getInputList()) {
      if (graph.inputs().contains(input.getName())
          && input.getType().getTensorType().getElemType() == FLOAT16) {
        return true;
      }
    }
    for (NodeProto node : proto.getNodeList()) {
      boolean cast = node.getOpType().equals("Cast");
      if (cast && target(node) == FLOAT16) {
        return true;
      }
      for (String input : node.getInputList()) {
        StoredTensor constant = graph.constant(input);
        if (!cast && constant != null && constant.dataType() == FLOAT16) {
          return true;
        }
      }
    }
    return false;
  }

  private static long target(NodeProto node) {
    return NodeAttributes.whole(node, "to", 0);
  }

  /**
   * The graph in float32. Its weights lie inside: those of an autoencoder are a few hundred MB, and
   * what is handed to ONNX Runtime lives no longer than the call.
   */
  OverriddenGraph rewrite() throws IOException {
    OverriddenGraph light = new GraphRewriter(graph, GraphRewriter.Purpose.SESSION).override();
    ModelProto model = ModelProto.parseFrom(light.model());
    Map<String, StoredTensor> constants = graph.file().constants();
    GraphProto.Builder result = model.getGraph().toBuilder();
    for (TensorProto.Builder initializer : result.getInitializerBuilderList()) {
      if (initializer.getDataType() == FLOAT16) {
        StoredTensor constant = constants.get(initializer.getName());
        single(initializer, constant);
      }
    }
    for (NodeProto.Builder node : result.getNodeBuilderList()) {
      for (AttributeProto.Builder attribute : node.getAttributeBuilderList()) {
        boolean type = attribute.getName().equals("to") || attribute.getName().equals("dtype");
        if (type && attribute.getI() == FLOAT16) {
          attribute.setI(FLOAT);
        }
        if (attribute.hasT() && attribute.getT().getDataType() == FLOAT16) {
          single(attribute.getTBuilder(), constants.get(node.getOutput(0)));
        }
      }
    }
    result.getInputBuilderList().forEach(SinglePrecision::single);
    result.getOutputBuilderList().forEach(SinglePrecision::single);
    result.getValueInfoBuilderList().forEach(SinglePrecision::single);
    byte[] bytes = model.toBuilder().setGraph(result).build().toByteArray();
    return new OverriddenGraph(bytes, Map.of(), light.folder());
  }

  /**
   * @param constant where its contents are; null for what is no constant of the graph, such as the
   *     value that ConstantOfShape repeats
   */
  private static void single(TensorProto.Builder tensor, @Nullable StoredTensor constant) {
    Tensor contents;
    if (constant != null) {
      contents = constant.read();
    } else if (tensor.hasRawData()) {
      ByteString raw = tensor.getRawData();
      contents = Tensor.allocate(DType.FLOAT16, raw.size() / DType.FLOAT16.byteSize());
      raw.copyTo(contents.buffer());
    } else {
      contents = Tensor.allocate(DType.FLOAT16, tensor.getInt32DataCount());
      ByteBuffer bytes = contents.buffer();
      tensor.getInt32DataList().forEach(half -> bytes.putShort(half.shortValue()));
    }
    tensor
        .setDataType(FLOAT)
        .clearInt32Data()
        .clearDataLocation()
        .clearExternalData()
        .setRawData(ByteString.copyFrom(contents.toFloat32().buffer()));
  }

  private static void single(ValueInfoProto.Builder value) {
    TypeProto.Builder type = value.getTypeBuilder();
    if (type.hasTensorType() && type.getTensorType().getElemType() == FLOAT16) {
      type.getTensorTypeBuilder().setElemType(FLOAT);
    }
  }
}
