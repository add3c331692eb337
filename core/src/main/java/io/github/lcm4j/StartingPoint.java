package io.github.lcm4j;

import io.github.lcm4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What a run starts from.
 *
 * @param index of its first step in the sampler's timesteps
 * @param latents noised latents {@code [count, channels, height, width]}
 * @param inpainting what leads the run, or null
 */
record StartingPoint(int index, Tensor latents, @Nullable Inpainting inpainting) {}
