package io.github.lcm4j.lora;

import io.github.lcm4j.tensor.Tensor;

/**
 * What becomes of weights as they are folded. Called by several threads at once, each weight on the
 * thread that folded it.
 */
public interface FoldedUse {
  /** Keeps every weight as it is. */
  FoldedUse KEEP =
      new FoldedUse() {
        @Override
        public boolean keeps(String name) {
          return true;
        }

        @Override
        public Tensor apply(String name, Tensor folded) {
          return folded;
        }
      };

  /** Whether a weight is kept as it is; if not, it goes to {@link #apply}. */
  boolean keeps(String name);

  /**
   * Makes something else of a weight.
   *
   * @param folded the weight; its memory is written over after the call
   * @return what is kept, in memory of its own
   */
  Tensor apply(String name, Tensor folded);
}
