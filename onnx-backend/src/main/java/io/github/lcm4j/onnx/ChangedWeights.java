package io.github.lcm4j.onnx;

import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.util.Map;

/**
 * The weights of a part that differ from the checkpoint; they are folded when they are asked for.
 */
interface ChangedWeights {
  /** All are the checkpoint's. */
  ChangedWeights NONE = Map::of;

  /**
   * Folds them.
   *
   * @return float32, by name
   */
  Map<String, Tensor> fold() throws IOException;
}
