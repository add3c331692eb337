package io.github.lcm4j.onnx;

import io.github.lcm4j.tensor.Tensor;
import java.nio.LongBuffer;

/**
 * The token ids that a text encoder takes.
 *
 * @param encoder the text encoder's name
 * @param vocabSize how many tokens it knows
 * @param maxPositions how many of them it takes at a time
 */
record TokenIds(String encoder, int vocabSize, int maxPositions) {

  /**
   * Refuses ids it does not know: ONNX Runtime's own message for them names a node, not the
   * tokenizer that made them.
   *
   * @param inputIds int64 {@code [batch, length]}
   */
  void check(Tensor inputIds) {
    if (inputIds.dimension(1) > maxPositions) {
      throw new IllegalArgumentException(
          "%s takes at most %d tokens, found %d; do the tokenizer and the text encoder belong together?"
              .formatted(encoder, maxPositions, inputIds.dimension(1)));
    }
    LongBuffer ids = inputIds.longs();
    for (int i = 0; i < ids.capacity(); i++) {
      if (ids.get(i) < 0 || ids.get(i) >= vocabSize) {
        throw new IllegalArgumentException(
            "%s knows %d tokens, found the id %d; do the tokenizer and the text encoder belong together?"
                .formatted(encoder, vocabSize, ids.get(i)));
      }
    }
  }
}
