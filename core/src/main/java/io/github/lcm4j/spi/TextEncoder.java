package io.github.lcm4j.spi;

import io.github.lcm4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** A CLIP text encoder. */
public interface TextEncoder {
  /** Number of transformer layers. */
  int layers();

  /** Width of a hidden state. */
  int hiddenSize();

  /**
   * Encodes prompts.
   *
   * @param inputIds int64 token ids {@code [batch, length]}
   * @param layersFromEnd which hidden state: 0 the last layer's output, 1 the one before, …
   * @param normalize whether the final layer norm is applied to it
   * @return the hidden state and, from an encoder with a projection, the pooled embedding
   * @throws IllegalArgumentException if there are not that many layers, or ids are out of range
   */
  Encoding encode(Tensor inputIds, int layersFromEnd, boolean normalize);

  /**
   * What an encoder yields, in float32.
   *
   * @param hiddenState {@code [batch, length, hiddenSize]}
   * @param textEmbeds projected pooled embedding {@code [batch, projection_dim]}, or null
   */
  record Encoding(Tensor hiddenState, @Nullable Tensor textEmbeds) {}
}
