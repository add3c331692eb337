package io.github.lcm4j.onnx;

import io.github.lcm4j.lora.FoldedUse;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.util.Map;

/**
 * The weights of a part that differ from the checkpoint; they are folded when they are asked for.
 */
interface ChangedWeights {
  /** All are the checkpoint's. */
  ChangedWeights NONE = use -> Map.of();

  /**
   * Folds them.
   *
   * @param use what is made of each
   * @return what became of them by name; float32, if they are kept
   */
  Map<String, Tensor> fold(FoldedUse use) throws IOException;
}
