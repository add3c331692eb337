package io.github.lcm4j.onnx.export;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession.SessionOptions;
import com.google.protobuf.ByteString;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.onnx.export.Exports.Golden;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Graphs whose weights were changed or joined before: refused, with file and reason. */
class OptimizedExportsTest {
  private static final Golden UNET = new Golden("sd15-torchscript", "unet");
  private static final String BLOCK = "/down_blocks.0/attentions.0/transformer_blocks.0/attn1/";

  @TempDir Path folder;

  private void assertRefused(Path file, OnnxComponent component, String... expected)
      throws IOException {
    OnnxExport export = OnnxExport.open(file, component);
    String message = assertThrows(CheckpointException.class, export::weights).getMessage();
    assertTrue(message.contains(file.toString()), message);
    for (String part : expected) {
      assertTrue(message.contains(part), message + " should contain " + part);
    }
  }

  /** What ONNX Runtime saves as its optimised model: the bias moved into a fused activation. */
  @Test
  void savedOptimizedModelsAreRefused() throws IOException, OrtException {
    Golden export = new Golden("sdxl-torchscript", "text_encoder_2");
    Path file = folder.resolve("model.onnx");
    try (SessionOptions options = new SessionOptions()) {
      options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
      options.setOptimizationLevel(SessionOptions.OptLevel.EXTENDED_OPT);
      options.setOptimizedModelFilePath(file.toString());
      OrtEnvironment.getEnvironment().createSession(export.file().toString(), options).close();
    }
    assertRefused(file, export.component(), "com.microsoft.BiasGelu", "mlp.fc1.bias", "was fused");
  }

  /** One node with the weights of query, key and value side by side. */
  @Test
  void packedProjectionsAreRefused() throws IOException {
    Path file =
        new ModelEditor(UNET.file())
            .addInitializer(constant("qkv_weight", DataType.FLOAT_VALUE, 8, 24, 4))
            .replaceNodes(OptimizedExportsTest::pack)
            .write(folder.resolve("model.onnx"));
    assertRefused(
        file,
        OnnxComponent.UNET,
        "com.microsoft.Attention",
        "qkv_weight[8, 24]",
        "expected one constant for every weight");
  }

  private static List<NodeProto> pack(NodeProto node) {
    if (node.getName().equals(BLOCK + "to_q/MatMul")) {
      return List.of(
          NodeProto.newBuilder()
              .setName("Attention_0")
              .setOpType("Attention")
              .setDomain("com.microsoft")
              .addInput(node.getInput(0))
              .addInput("qkv_weight")
              .addOutput(node.getOutput(0))
              .build());
    }
    return node.getName().startsWith(BLOCK + "to_k") || node.getName().startsWith(BLOCK + "to_v")
        ? List.of()
        : List.of(node);
  }

  /** The same in ONNX's own operators: nothing but a missing module gives it away. */
  @Test
  void missingProjectionsAreRefused() throws IOException {
    Path file =
        new ModelEditor(UNET.file())
            .replaceNodes(OptimizedExportsTest::dropKey)
            .write(folder.resolve("model.onnx"));
    assertRefused(
        file,
        OnnxComponent.UNET,
        "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k",
        "have no weight of their own");
  }

  @Test
  void unnamedGraphsOfAnotherShapeAreRefused() throws IOException {
    Path file =
        new ModelEditor(UNET.file())
            .replaceNodes(OptimizedExportsTest::dropKey)
            .withoutNodeNames()
            .withoutParameterNames()
            .write(folder.resolve("model.onnx"));
    assertRefused(
        file, OnnxComponent.UNET, "not built as a UNet is", "attn1", "the names do not tell");
  }

  private static List<NodeProto> dropKey(NodeProto node) {
    return node.getName().startsWith(BLOCK + "to_k") ? List.of() : List.of(node);
  }

  @Test
  void quantizedWeightsAreRefused() throws IOException {
    Path file =
        new ModelEditor(UNET.file())
            .addInitializer(constant("to_q_quantized", DataType.INT8_VALUE, 8, 8, 1))
            .replaceNodes(OptimizedExportsTest::dequantize)
            .write(folder.resolve("model.onnx"));
    assertRefused(
        file, OnnxComponent.UNET, "DequantizeLinear", "to_q_quantized[8, 8]", "was quantised");
  }

  private static List<NodeProto> dequantize(NodeProto node) {
    return node.getName().equals(BLOCK + "to_q/MatMul")
        ? List.of(
            NodeProto.newBuilder()
                .setOpType("DequantizeLinear")
                .addInput("to_q_quantized")
                .addInput(node.getInput(1))
                .addOutput("dequantized")
                .build(),
            node.toBuilder().setInput(1, "dequantized").build())
        : List.of(node);
  }

  private static TensorProto constant(
      String name, int dataType, int rows, int columns, int elementSize) {
    return TensorProto.newBuilder()
        .setName(name)
        .setDataType(dataType)
        .addDims(rows)
        .addDims(columns)
        .setRawData(ByteString.copyFrom(new byte[rows * columns * elementSize]))
        .build();
  }

  /** A picture decoder is no text encoder, and the error says what is missing. */
  @Test
  void anotherNetworkIsRefused() throws IOException {
    assertRefused(
        new Golden("sd15-torchscript", "vae_decoder").file(),
        OnnxComponent.TEXT_ENCODER,
        "text encoder");
  }
}
