package io.github.lcm4j.lora;

import io.github.lcm4j.safetensors.TensorInfo;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** Weights in memory. */
record MapWeights(Map<String, Tensor> tensors) implements WeightSource {
  private static final Map<DType, String> TYPES =
      Map.of(
          DType.FLOAT32, "F32",
          DType.FLOAT16, "F16",
          DType.BFLOAT16, "BF16",
          DType.INT64, "I64",
          DType.INT32, "I32");

  /** The floating-point tensors of another source in another type. */
  static MapWeights cast(WeightSource source, DType type) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (String name : source.names()) {
      Tensor tensor = source.tensor(name);
      tensors.put(name, tensor.dtype().isFloating() ? tensor.cast(type) : tensor);
    }
    return new MapWeights(tensors);
  }

  @Override
  public Set<String> names() {
    return tensors.keySet();
  }

  @Override
  public TensorInfo info(String name) {
    Tensor tensor = tensors.get(name);
    return new TensorInfo(
        name, TYPES.get(tensor.dtype()), tensor.shape(), Path.of("memory"), 0, tensor.byteSize());
  }

  @Override
  public Tensor tensor(String name) {
    return tensors.get(name);
  }

  @Override
  public Map<String, String> metadata() {
    return Map.of();
  }

  @Override
  public String description() {
    return "memory";
  }
}
