package io.github.lcm4j.onnx;

import io.github.lcm4j.tensor.Tensor;
import io.github.lcm4j.tensor.TensorArena;
import java.io.IOException;
import java.util.Map;

/**
 * The weights of a part that differ from the checkpoint; they are folded when they are asked for.
 */
interface ChangedWeights {
  /** All are the checkpoint's. */
  ChangedWeights NONE = arena -> Map.of();

  /**
   * Folds them.
   *
   * @param arena where they are to lie
   * @return float32, by name
   */
  Map<String, Tensor> fold(TensorArena arena) throws IOException;
}
