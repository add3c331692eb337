package io.github.lcm4j.onnx.graph;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import com.google.protobuf.ByteString;
import io.github.lcm4j.onnx.Golden;
import io.github.lcm4j.onnx.RandomTensors;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.SafetensorsWriter;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Single layers as ONNX Runtime has them against what they are rewritten to: 2e-6 relative. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CpuGraphTest {
  private static final double TOLERANCE = 2e-6;
  private static final CpuGraph.Limits ALL =
      new CpuGraph.Limits(1, Long.MAX_VALUE, Long.MAX_VALUE, 1);
  private static final CpuGraph.Limits CUT = new CpuGraph.Limits(1, 0, 64 << 10, 3);
  private static final int IN = 24;
  private static final int OUT = 40;
  private static final int HEAD = 256;

  private SafetensorsFile weights;

  @BeforeAll
  void write(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("weights.safetensors");
    Map<String, Tensor> tensors = new HashMap<>();
    tensors.put("conv.weight", RandomTensors.normal(1, OUT, IN, 3, 3));
    tensors.put("conv.bias", RandomTensors.normal(2, OUT));
    tensors.put("plain.weight", RandomTensors.normal(3, OUT, IN, 3, 3));
    tensors.put("same.weight", RandomTensors.normal(11, IN, IN, 3, 3));
    tensors.put("same2.weight", RandomTensors.normal(12, IN, IN, 3, 3));
    tensors.put("same3.weight", RandomTensors.normal(13, IN, IN, 3, 3));
    tensors.put("small.weight", RandomTensors.normal(4, OUT, IN, 1, 1));
    tensors.put("norm.weight", RandomTensors.normal(5, IN));
    tensors.put("norm.bias", RandomTensors.normal(6, IN));
    for (int i = 0; i < 3; i++) {
      tensors.put("to" + i + ".weight", RandomTensors.normal(18 + i, HEAD, IN));
      tensors.put("to" + i + ".bias", RandomTensors.normal(21 + i, HEAD));
    }
    SafetensorsWriter.write(file, tensors, Map.of());
    weights = SafetensorsFile.open(file);
  }

  private interface Layer {
    String emit(GraphBuilder graph, String x) throws IOException;
  }

  private NetworkGraph graph(Layer layer) throws IOException {
    GraphBuilder graph = new GraphBuilder("layer", weights);
    String x = graph.input("x", TensorProto.DataType.FLOAT, "n", IN, "h", "w");
    graph.output(layer.emit(graph, x), "y", "n", "c", "h", "w");
    return graph.build();
  }

  private Tensor run(NetworkGraph network, Tensor x) throws OrtException {
    GraphProto.Builder graph = network.model().getGraph().toBuilder();
    network.weights().forEach((name, shape) -> declare(graph, name, values(network, name), shape));
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    byte[] model = network.model().toBuilder().setGraph(graph).build().toByteArray();
    try (OrtSession.SessionOptions options = quiet();
        OrtSession session = environment.createSession(model, options);
        OnnxTensor input = OnnxTensor.createTensor(environment, x.floats(), x.shape());
        OrtSession.Result result = session.run(Map.of("x", input))) {
      OnnxTensor y = (OnnxTensor) result.get(0);
      float[] values = new float[y.getFloatBuffer().remaining()];
      y.getFloatBuffer().get(values);
      return Tensor.of(values, y.getInfo().getShape());
    }
  }

  private Tensor values(NetworkGraph network, String name) {
    WeightRows rows = network.rows().get(name);
    return rows == null
        ? weights.tensor(name)
        : weights.tensor(rows.weight()).rows(rows.from(), rows.to());
  }

  private static OrtSession.SessionOptions quiet() throws OrtException {
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
    return options;
  }

  private static void declare(GraphProto.Builder graph, String name, Tensor values, long[] shape) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(TensorProto.DataType.FLOAT_VALUE)
            .setRawData(ByteString.copyFrom(values.buffer()));
    for (long extent : shape) {
      tensor.addDims(extent);
    }
    graph.addInitializer(tensor);
  }

  private static long count(NetworkGraph graph, String operator) {
    return count(graph.model().getGraph(), operator);
  }

  private static long count(GraphProto graph, String operator) {
    return graph.getNodeList().stream().filter(node -> node.getOpType().equals(operator)).count();
  }

  /** What a network that is cut into strips does to large pictures. */
  private static GraphProto large(NetworkGraph graph) {
    return graph.model().getGraph().getNodeList().stream()
        .filter(node -> node.getOpType().equals("If"))
        .findFirst()
        .orElseThrow()
        .getAttribute(0)
        .getG();
  }

  /** Small tiles, large tiles, and strips of them; sizes that tiles fit, and that they do not. */
  @ParameterizedTest
  @CsvSource({
    "16, 1, 16, 16",
    "16, 2, 9, 14",
    "16, 1, 1, 1",
    "16, 2, 35, 7",
    "64, 1, 16, 16",
    "64, 3, 13, 6",
    "64, 1, 1, 1",
    "64, 2, 2, 35",
    "64, 1, 64, 32",
    "64, 2, 21, 5",
    "64, 1, 12, 3"
  })
  void convolution(int side, int batch, int height, int width) throws Exception {
    Tensor x = RandomTensors.normal(7, batch, IN, height, width);
    for (String path : new String[] {"conv", "plain"}) {
      NetworkGraph graph = graph((builder, value) -> builder.conv(value, path, IN, OUT, 3));
      for (CpuGraph.Limits limits : new CpuGraph.Limits[] {ALL, CUT}) {
        NetworkGraph rewritten = CpuGraph.rewrite(graph, side, limits);
        assertEquals(limits == CUT ? 1 : 0, count(rewritten, "If"));
        boolean inParts = limits == CUT && side == 64;
        assertArrayEquals(
            inParts ? new long[] {OUT / 4 * IN, 9} : new long[] {OUT * IN, 9},
            rewritten.weights().get(path + (inParts ? ".weight[30:40]" : ".weight")));
        Golden.assertClose(
            "%s at side %d on %d×%d×%d".formatted(path, side, batch, height, width),
            run(graph, x),
            run(rewritten, x),
            TOLERANCE);
      }
    }
  }

  /** On the small picture, and on another that is no longer upsampled by itself. */
  @ParameterizedTest
  @CsvSource({"16, 1, 3, 5", "16, 2, 8, 8", "16, 1, 2, 7", "32, 1, 25, 6", "32, 3, 12, 1"})
  void convolutionBehindUpsampling(int side, int batch, int height, int width) throws Exception {
    Tensor x = RandomTensors.normal(8, batch, IN, height, width);
    NetworkGraph graph =
        graph(
            (builder, value) ->
                builder.conv(builder.upsample(builder.upsample(value, 2), 2), "conv", IN, OUT, 3));
    NetworkGraph whole = CpuGraph.rewrite(graph, side, ALL);
    assertEquals(1, count(whole, "Resize"));
    for (NetworkGraph rewritten : List.of(whole, CpuGraph.rewrite(graph, side, CUT))) {
      Golden.assertClose("upsampled", run(graph, x), run(rewritten, x), TOLERANCE);
    }
  }

  /**
   * Twice the size, which shows only when it runs; whole tiles of that, or not; and other sizes.
   */
  @ParameterizedTest
  @CsvSource({"32, 32", "16, 24", "14, 14", "31, 32", "32, 17", "7, 64", "48, 80"})
  void convolutionBehindResizing(int height, int width) throws Exception {
    Tensor x = RandomTensors.normal(14, 2, IN, height, width);
    NetworkGraph graph =
        graph(
            (builder, value) -> {
              String half = builder.conv(value, "same", IN, IN, 3, 2, 1, 1, 1, 1);
              String back = builder.upsampleTo(half, builder.shape(value, 2, 4));
              return builder.conv(back, "conv", IN, OUT, 3);
            });
    for (int side : new int[] {16, 64}) {
      NetworkGraph rewritten = CpuGraph.rewrite(graph, side, ALL);
      assertEquals(1, count(rewritten, "If"));
      assertEquals(0, count(rewritten, "Resize"));
      Golden.assertClose("resized", run(graph, x), run(rewritten, x), TOLERANCE);
      Golden.assertClose(
          "cut", run(graph, x), run(CpuGraph.rewrite(graph, side, CUT), x), TOLERANCE);
    }
  }

  @ParameterizedTest
  @CsvSource({"12, 12", "13, 7", "41, 30"})
  void layersOfOnePictureInStrips(int height, int width) throws Exception {
    Tensor x = RandomTensors.normal(15, 1, IN, height, width);
    NetworkGraph graph =
        graph(
                (builder, value) ->
                    builder.groupNorm(builder.conv(value, "same", IN, IN, 3), "norm", IN, 4, 1e-5f))
            .ofOnePicture();
    NetworkGraph rewritten = CpuGraph.rewrite(graph, 32, CUT);
    long perStrip = 2; // an input transform, and the norm
    assertEquals(CUT.strips() * perStrip, count(large(rewritten), "Conv"));
    Golden.assertClose("norm", run(graph, x), run(rewritten, x), 2e-5);
  }

  /** One head, wide enough for plain products. */
  @ParameterizedTest
  @CsvSource({"1, 12, 12", "2, 13, 17", "1, 12, 1"})
  void attentionOfAWideHead(int batch, int height, int width) throws Exception {
    Tensor x = RandomTensors.normal(16, batch, IN, height, width);
    NetworkGraph graph =
        graph(
            (builder, value) -> {
              String h = builder.multiply(builder.conv(value, "same", IN, IN, 3), 1 / 64f);
              String tokens = builder.transpose(builder.reshape(h, 0, IN, -1), 0, 2, 1);
              String rows = builder.reshape(tokens, -1, IN);
              String shape =
                  builder.concat(0, List.of(builder.shape(value, 0, 1), builder.longs(-1, HEAD)));
              String[] heads = new String[3];
              for (int i = 0; i < 3; i++) {
                heads[i] = builder.reshapeTo(builder.linear(rows, "to" + i, IN, HEAD), shape);
              }
              return builder.reshape(
                  builder.attention(heads[0], heads[1], heads[2], 1, ""), 0, 0, 16, -1);
            });
    NetworkGraph rewritten = CpuGraph.rewrite(graph, 32, CUT);
    assertEquals(0, count(large(rewritten), "MultiHeadAttention"));
    assertEquals(16, count(large(rewritten), "Softmax"));
    Golden.assertClose("attention", run(graph, x), run(rewritten, x), 2e-5);
  }

  @Test
  void splitLinearLayer() throws Exception {
    Tensor x = RandomTensors.normal(17, 1, IN, 3, 5);
    NetworkGraph graph =
        graph(
            (builder, value) -> {
              String rows = builder.reshape(builder.transpose(value, 0, 2, 3, 1), -1, IN);
              String[] halves =
                  builder.nodes(
                      "Split",
                      List.of(builder.linear(rows, "to0", IN, HEAD)),
                      2,
                      GraphBuilder.attribute("axis", 1L),
                      GraphBuilder.attribute("num_outputs", 2L));
              return builder.reshape(
                  builder.multiply(halves[0], builder.gelu(halves[1])), 1, 3, 5, -1);
            });
    NetworkGraph rewritten = CpuGraph.rewrite(graph, 0, ALL);
    assertEquals(0, count(rewritten, "Split"));
    assertEquals(2, count(rewritten, "Gemm"));
    Golden.assertClose("split", run(graph, x), run(rewritten, x), TOLERANCE);
  }

  /**
   * Norm, activation, sums, other convolutions and upsampling in strips, and what needs a whole.
   */
  @ParameterizedTest
  @CsvSource({"1, 12, 12", "2, 13, 7", "1, 41, 30", "2, 7, 9"})
  void layersInStrips(int batch, int height, int width) throws Exception {
    Tensor x = RandomTensors.normal(10, batch, IN, height, width);
    NetworkGraph graph =
        graph(
            (builder, value) -> {
              String h = builder.conv(value, "same", IN, IN, 3);
              h = builder.silu(builder.groupNorm(h, "norm", IN, 4, 1e-5f));
              h = builder.add(value, builder.conv(h, "same2", IN, IN, 3));
              h = builder.conv(builder.upsample(h, 2), "same3", IN, IN, 3);
              h = builder.groupNorm(h, "norm", IN, 4, 1e-5f);
              h =
                  builder.add(
                      builder.conv(h, "small", IN, OUT, 1), builder.conv(h, "conv", IN, OUT, 3));
              return builder.node("Softmax", List.of(h), GraphBuilder.attribute("axis", 1L));
            });
    NetworkGraph rewritten = CpuGraph.rewrite(graph, 32, CUT);
    assertEquals(1, count(rewritten, "If"));
    Golden.assertClose("layers", run(graph, x), run(rewritten, x), 2e-5);
  }

  @Test
  void otherConvolutionsStay() throws Exception {
    NetworkGraph pointwise = graph((graph, x) -> graph.conv(x, "small", IN, OUT, 1));
    NetworkGraph strided = graph((graph, x) -> graph.conv(x, "conv", IN, OUT, 3, 2, 1, 1, 1, 1));
    NetworkGraph tiny = graph((graph, x) -> graph.conv(x, "conv", IN, OUT, 3));
    assertStays(pointwise, 64, CUT);
    assertStays(strided, 64, CUT);
    assertStays(tiny, 8, CUT);
    assertStays(tiny, 64, CpuGraph.Limits.USUAL);
  }

  private static void assertStays(NetworkGraph graph, int side, CpuGraph.Limits limits) {
    assertEquals(HiddenShapes.hide(graph).model(), CpuGraph.rewrite(graph, side, limits).model());
  }

  @Test
  void layerNormalisation() throws Exception {
    Tensor x = RandomTensors.normal(9, 2, IN, 5, 3);
    NetworkGraph graph =
        graph(
            (builder, value) ->
                builder.transpose(
                    builder.layerNorm(builder.transpose(value, 0, 2, 3, 1), "norm", IN, 1e-5f),
                    0,
                    3,
                    1,
                    2));
    Golden.assertClose("norm", run(graph, x), run(CpuGraph.rewrite(graph, 0, ALL), x), TOLERANCE);
  }
}
