package io.github.lcm4j.onnx.export;

import ai.onnx.proto.OnnxMl.ModelProto;
import io.github.lcm4j.safetensors.TensorEntry;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A model whose larger constants are to be written to a file beside it.
 *
 * @param model the model; the initializers named in {@code weights} are declared as external data,
 *     but do not say where
 * @param weights contents of those initializers by name, in the order they are to be written
 */
public record DetachedGraph(ModelProto model, Map<String, TensorEntry> weights) {
  /** Copies the map, keeping its order. */
  public DetachedGraph {
    weights = Collections.unmodifiableMap(new LinkedHashMap<>(weights));
  }
}
