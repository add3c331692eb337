package io.github.lcm4j;

import io.github.lcm4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What steers the UNet, for its whole batch: with guidance the unconditioned half first.
 *
 * @param encoderHiddenStates float32 {@code [batch, length, width]}
 * @param textEmbeds SDXL's pooled embedding {@code [batch, width]}, or null
 * @param timeIds SDXL's size conditioning {@code [batch, 6]}, or null
 */
record Conditioning(
    Tensor encoderHiddenStates, @Nullable Tensor textEmbeds, @Nullable Tensor timeIds) {}
