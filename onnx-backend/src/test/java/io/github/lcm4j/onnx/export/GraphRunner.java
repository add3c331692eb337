package io.github.lcm4j.onnx.export;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions;
import io.github.lcm4j.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/** Runs overridden graphs in ONNX Runtime, on the CPU, with both ways to hand over weights. */
final class GraphRunner {
  /** How changed parameters are handed over. */
  enum Way {
    /** {@code addExternalInitializers}, every optimisation on. */
    COPIED,
    /** {@code addInitializer}, with the optimisations that are allowed with it. */
    SHARED
  }

  private GraphRunner() {}

  static Tensor run(OverriddenGraph graph, Way way, Map<String, Tensor> inputs, String output)
      throws OrtException {
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    try (SessionOptions options = new SessionOptions()) {
      options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
      options.setIntraOpNumThreads(1);
      options.addConfigEntry(
          "session.model_external_initializers_file_folder_path", graph.folder().toString());
      Map<String, OnnxTensorLike> initializers = new LinkedHashMap<>(tensors(graph.initializers()));
      if (way == Way.COPIED) {
        options.setOptimizationLevel(SessionOptions.OptLevel.ALL_OPT);
        if (!initializers.isEmpty()) {
          options.addExternalInitializers(initializers);
        }
      } else {
        options.setOptimizationLevel(SessionOptions.OptLevel.EXTENDED_OPT);
        for (Map.Entry<String, OnnxTensorLike> entry : initializers.entrySet()) {
          options.addInitializer(entry.getKey(), entry.getValue());
        }
      }
      try (OrtSession session = environment.createSession(graph.model(), options);
          OrtSession.Result result = session.run(tensors(inputs))) {
        OnnxTensor tensor = (OnnxTensor) result.get(output).orElseThrow();
        float[] values = new float[tensor.getFloatBuffer().remaining()];
        tensor.getFloatBuffer().get(values);
        return Tensor.of(values, tensor.getInfo().getShape());
      } finally {
        initializers.values().forEach(OnnxTensorLike::close);
      }
    }
  }

  private static Map<String, OnnxTensor> tensors(Map<String, Tensor> tensors) throws OrtException {
    Map<String, OnnxTensor> result = new LinkedHashMap<>();
    for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
      Tensor tensor = entry.getValue();
      OnnxJavaType type =
          switch (tensor.dtype()) {
            case FLOAT32 -> OnnxJavaType.FLOAT;
            case FLOAT16 -> OnnxJavaType.FLOAT16;
            case BFLOAT16 -> OnnxJavaType.BFLOAT16;
            case INT64 -> OnnxJavaType.INT64;
            case INT32 -> OnnxJavaType.INT32;
          };
      result.put(
          entry.getKey(),
          OnnxTensor.createTensor(
              OrtEnvironment.getEnvironment(), tensor.buffer(), tensor.shape(), type));
    }
    return result;
  }
}
