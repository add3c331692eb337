package io.github.lcm4j.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.onnx.graph.NetworkGraph;
import io.github.lcm4j.onnx.graph.WeightRows;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.SafetensorsWriter;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A linear layer in two parts, each some rows of the weight and the bias, against the sums done
 * here in double precision: 1e-5 relative. Small weights lie in the model, large ones in their file
 * or, where they are changed, in memory.
 */
class NetworkWeightsTest {
  private static final OrtRuntime RUNTIME = OrtRuntime.of(ExecutionProvider.CPU, 1);
  private static final int OUT = 96;

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "FLOAT32, 16, false",
    "FLOAT32, 512, false",
    "FLOAT32, 512, true",
    "FLOAT16, 16, false",
    "FLOAT16, 512, false",
    "FLOAT16, 512, true",
    "BFLOAT16, 512, false"
  })
  void rowsAreOfTheRightPart(DType dtype, int in, boolean changed) throws IOException {
    Path file = folder.resolve("weights.safetensors");
    Map<String, Tensor> stored =
        Map.of(
            "weight",
            RandomTensors.normal(1, OUT, in).cast(dtype),
            "bias",
            RandomTensors.normal(2, OUT).cast(dtype));
    SafetensorsWriter.write(file, stored, Map.of());
    Map<String, Tensor> changes =
        changed
            ? Map.of(
                "weight", RandomTensors.normal(3, OUT, in), "bias", RandomTensors.normal(4, OUT))
            : Map.of();
    Tensor x = RandomTensors.normal(5, in);
    Tensor found = Tensor.allocate(DType.FLOAT32, OUT);
    Network network =
        OrtNetwork.create(
            "network", graph(in), SafetensorsFile.open(file), arena -> changes, RUNTIME);
    try {
      network.run(Map.of("x", x), Map.of("y", found));
    } finally {
      network.release();
    }
    float[] weight = changes.getOrDefault("weight", stored.get("weight")).toFloatArray();
    float[] bias = changes.getOrDefault("bias", stored.get("bias")).toFloatArray();
    float[] expected = new float[OUT];
    for (int row = 0; row < OUT; row++) {
      double sum = bias[row];
      for (int i = 0; i < in; i++) {
        sum += (double) weight[row * in + i] * x.floats().get(i);
      }
      expected[row] = (float) sum;
    }
    Golden.assertClose("%s %d".formatted(dtype, in), Tensor.of(expected, OUT), found, 1e-5);
  }

  /** y = the last 32 rows and then the first 64, put back in order. */
  private static NetworkGraph graph(int in) {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    Map<String, WeightRows> rows = new LinkedHashMap<>();
    shapes.put("last", new long[] {32, in});
    rows.put("last", new WeightRows("weight", 64, 96));
    shapes.put("first", new long[] {64, in});
    rows.put("first", new WeightRows("weight", 0, 64));
    shapes.put("last bias", new long[] {32, 1});
    rows.put("last bias", new WeightRows("bias", 64, 96));
    shapes.put("first bias", new long[] {64, 1});
    rows.put("first bias", new WeightRows("bias", 0, 64));
    GraphProto graph =
        GraphProto.newBuilder()
            .setName("rows")
            .addInput(vector("x", in))
            .addNode(node("Unsqueeze", "column", "x", "axis"))
            .addInitializer(
                TensorProto.newBuilder()
                    .setName("axis")
                    .setDataType(TensorProto.DataType.INT64_VALUE)
                    .addDims(1)
                    .addInt64Data(1))
            .addNode(node("MatMul", "last sum", "last", "column"))
            .addNode(node("Add", "last y", "last sum", "last bias"))
            .addNode(node("MatMul", "first sum", "first", "column"))
            .addNode(node("Add", "first y", "first sum", "first bias"))
            .addNode(
                node("Concat", "both", "first y", "last y").toBuilder()
                    .addAttribute(
                        AttributeProto.newBuilder()
                            .setName("axis")
                            .setType(AttributeProto.AttributeType.INT)
                            .setI(0)))
            .addNode(node("Squeeze", "y", "both", "axis"))
            .addOutput(vector("y", OUT))
            .build();
    ModelProto model =
        ModelProto.newBuilder()
            .setIrVersion(9)
            .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(18))
            .setGraph(graph)
            .build();
    return new NetworkGraph(model, shapes, rows, DType.FLOAT32);
  }

  private static NodeProto node(String operator, String output, String... inputs) {
    NodeProto.Builder node = NodeProto.newBuilder().setOpType(operator).addOutput(output);
    for (String input : inputs) {
      node.addInput(input);
    }
    return node.build();
  }

  private static ValueInfoProto vector(String name, long extent) {
    TensorShapeProto.Dimension dimension =
        TensorShapeProto.Dimension.newBuilder().setDimValue(extent).build();
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(
            TypeProto.newBuilder()
                .setTensorType(
                    TypeProto.Tensor.newBuilder()
                        .setElemType(TensorProto.DataType.FLOAT_VALUE)
                        .setShape(TensorShapeProto.newBuilder().addDim(dimension))))
        .build();
  }
}
