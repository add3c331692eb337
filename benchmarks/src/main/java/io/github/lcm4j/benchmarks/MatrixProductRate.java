package io.github.lcm4j.benchmarks;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.google.protobuf.ByteString;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;
import java.util.Map;
import java.util.Set;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * How fast ONNX Runtime multiplies float32 matrices on this machine's CPU: one product of two
 * square matrices, the second a constant as a weight is. It bounds what the networks can reach.
 */
@State(Scope.Benchmark)
@Warmup(iterations = 5)
@Measurement(iterations = 15)
public class MatrixProductRate extends ForkedBenchmark {
  /** Side of the matrices. */
  @Param({"1024", "2048", "4096"})
  public int side;

  /** Threads to use; 0 for as many as there are cores. */
  @Param("0")
  public int threads;

  private OrtSession session;
  private OnnxTensor input;
  private OnnxTensor output;

  /** Made by JMH. */
  public MatrixProductRate() {}

  /** Floating-point operations of one product. */
  static double flops(long side) {
    return 2.0 * side * side * side;
  }

  /** Creates the session. */
  @Setup
  public void create() throws OrtException {
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      if (threads > 0) {
        options.setIntraOpNumThreads(threads);
      }
      session = environment.createSession(model(side), options);
    }
    input = random(environment, 1);
    output = random(environment, 2);
  }

  private OnnxTensor random(OrtEnvironment environment, long seed) throws OrtException {
    return OnnxTensor.createTensor(
        environment, numbers(side, seed).floats(), new long[] {side, side});
  }

  private static Tensor numbers(int side, long seed) {
    return new TorchRandom(seed).randn(side, side);
  }

  private static byte[] model(int side) {
    GraphProto graph =
        GraphProto.newBuilder()
            .setName("product")
            .addInput(matrix("a", side))
            .addInitializer(constant("b", side))
            .addOutput(matrix("c", side))
            .addNode(
                NodeProto.newBuilder()
                    .setOpType("MatMul")
                    .addInput("a")
                    .addInput("b")
                    .addOutput("c"))
            .build();
    return ModelProto.newBuilder()
        .setIrVersion(9)
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(20))
        .setGraph(graph)
        .build()
        .toByteArray();
  }

  private static TensorProto constant(String name, int side) {
    return TensorProto.newBuilder()
        .setName(name)
        .setDataType(TensorProto.DataType.FLOAT.getNumber())
        .addDims(side)
        .addDims(side)
        .setRawData(ByteString.copyFrom(numbers(side, 0).buffer()))
        .build();
  }

  private static ValueInfoProto matrix(String name, int side) {
    TensorShapeProto.Dimension.Builder extent =
        TensorShapeProto.Dimension.newBuilder().setDimValue(side);
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(
            TypeProto.newBuilder()
                .setTensorType(
                    TypeProto.Tensor.newBuilder()
                        .setElemType(TensorProto.DataType.FLOAT.getNumber())
                        .setShape(TensorShapeProto.newBuilder().addDim(extent).addDim(extent))))
        .build();
  }

  /** One product. */
  @Benchmark
  public void multiply() throws OrtException {
    session.run(Map.of("a", input), Set.of(), Map.of("c", output)).close();
  }

  /** Frees the session. */
  @TearDown
  public void close() throws OrtException {
    session.close();
    input.close();
    output.close();
  }
}
