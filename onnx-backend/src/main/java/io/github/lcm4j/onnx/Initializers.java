package io.github.lcm4j.onnx;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession.SessionOptions;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import io.github.lcm4j.tensor.TensorArena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Changed weights in memory of ours, given to a session beside its model. They must live as long as
 * the session and be closed after it.
 */
final class Initializers implements AutoCloseable {
  private final OrtRuntime runtime;
  private final TensorArena arena = new TensorArena();
  private final List<OnnxTensor> tensors = new ArrayList<>();
  private final Map<String, OnnxTensorLike> used = new LinkedHashMap<>();
  private final Map<String, OnnxTensorLike> copied = new LinkedHashMap<>();

  Initializers(OrtRuntime runtime) {
    this.runtime = runtime;
  }

  /** Memory for weights, which ends with this. */
  TensorArena arena() {
    return arena;
  }

  /**
   * Adds a weight. On the CPU a float32 one is used where it lies; any other is copied, to where
   * the graph runs and before the graph is optimised.
   */
  void add(String name, Tensor tensor) throws OrtException {
    OnnxTensor handle = OrtNetwork.wrap(runtime.environment(), tensor);
    tensors.add(handle);
    boolean inPlace = runtime.onCpu() && tensor.dtype() == DType.FLOAT32;
    (inPlace ? used : copied).put(name, handle);
  }

  /** Hands all weights over. */
  void giveTo(SessionOptions options) throws OrtException {
    for (Map.Entry<String, OnnxTensorLike> entry : used.entrySet()) {
      options.addInitializer(entry.getKey(), entry.getValue());
    }
    if (!copied.isEmpty()) {
      options.addExternalInitializers(copied);
    }
  }

  /** Frees the handles and the memory, after the session that uses them. */
  @Override
  public void close() {
    tensors.forEach(OnnxTensor::close);
    arena.close();
  }
}
