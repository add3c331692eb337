package io.github.lcm4j.onnx.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import io.github.lcm4j.tensor.DType;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class HiddenShapesTest {
  /**
   * Multiplies two inputs; the output declares no shape, so that the runtime says what it knows.
   */
  private static ModelProto product(Object... dimensions) {
    ModelProto.Builder model = ModelProto.newBuilder().setIrVersion(10);
    model.addOpsetImportBuilder().setVersion(21);
    model
        .getGraphBuilder()
        .setName("product")
        .addInput(GraphBuilder.valueInfo("x", TensorProto.DataType.FLOAT, dimensions))
        .addInput(GraphBuilder.valueInfo("scale", TensorProto.DataType.FLOAT))
        .addNode(
            NodeProto.newBuilder()
                .setOpType("Mul")
                .addAllInput(List.of("x", "scale"))
                .addOutput("y"))
        .addOutput(
            ValueInfoProto.newBuilder()
                .setName("y")
                .setType(
                    TypeProto.newBuilder()
                        .setTensorType(
                            TypeProto.Tensor.newBuilder()
                                .setElemType(TensorProto.DataType.FLOAT.getNumber()))));
    return model.build();
  }

  private static NetworkGraph hidden(Object... dimensions) {
    return HiddenShapes.hide(new NetworkGraph(product(dimensions), Map.of(), DType.FLOAT32));
  }

  @Test
  void theRuntimeDoesNotKnowTheRankAndComputesTheSame() throws Exception {
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    byte[] model = hidden(1L, "h", 2L).model().toByteArray();
    try (OrtSession session = environment.createSession(model);
        OnnxTensor x =
            OnnxTensor.createTensor(environment, new float[][][] {{{1, 2}, {3, 4}, {5, 6}}});
        OnnxTensor scale = OnnxTensor.createTensor(environment, 2f)) {
      NodeInfo output = session.getOutputInfo().get("y");
      assertEquals(0, ((TensorInfo) output.getInfo()).getShape().length);
      try (OrtSession.Result result = session.run(Map.of("x", x, "scale", scale))) {
        float[][][] y = (float[][][]) result.get(0).getValue();
        assertEquals(12, y[0][2][1]);
        assertEquals(3, y[0].length);
      }
    }
  }

  @Test
  void leavesInputsOfWhichAllIsKnown() {
    assertEquals(product(1L, 3L, 2L), hidden(1L, 3L, 2L).model());
  }
}
