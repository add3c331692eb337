package io.github.lcm4j.lora;

import java.nio.FloatBuffer;

/**
 * The product that folding a LoRA spends its time in.
 *
 * <p>All matrices are dense, row-major and float32, in direct buffers of native byte order that
 * start at the buffer's position; positions and limits are left as they are. {@code a} and {@code
 * b} may be read-only views of a mapped file.
 *
 * <p>Here {@code k} is a LoRA's rank, {@code n} a weight's inputs times its kernel and {@code m}
 * some of its outputs, so many that {@code c} has about two million elements where the weight has.
 *
 * <p>{@link LoraMerger} folds several weights at a time, each on a thread of its own, and calls
 * this from all of them: an implementation must be safe for that, and best computes one product on
 * the calling thread only.
 */
@FunctionalInterface
public interface MatrixProduct {
  /**
   * Adds a scaled product: {@code c += scale · a·b}.
   *
   * @param scale factor of the product
   * @param a {@code [m, k]}
   * @param b {@code [k, n]}
   * @param c {@code [m, n]}, overlapping neither {@code a} nor {@code b}
   * @param m rows of {@code a} and {@code c}
   * @param k columns of {@code a}, rows of {@code b}
   * @param n columns of {@code b} and {@code c}
   */
  void multiplyAdd(float scale, FloatBuffer a, FloatBuffer b, FloatBuffer c, int m, int k, int n);

  /** The product in plain Java. */
  static MatrixProduct plainJava() {
    return (scale, a, b, c, m, k, n) -> new BlockedProduct().multiplyAdd(scale, a, b, c, m, k, n);
  }
}
