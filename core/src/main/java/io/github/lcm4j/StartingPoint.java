package io.github.lcm4j;

import io.github.lcm4j.tensor.Tensor;

/**
 * What a run starts from.
 *
 * @param index of its first step in the sampler's timesteps
 * @param latents noised latents {@code [count, channels, height, width]}
 */
record StartingPoint(int index, Tensor latents) {}
