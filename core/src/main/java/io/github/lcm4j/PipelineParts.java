package io.github.lcm4j;

import io.github.lcm4j.spi.DiffusionModel;

/**
 * What a pipeline is made of beside its networks; the same whatever LoRAs are folded into these.
 *
 * @param vaeTiling whether large pictures pass the autoencoder in tiles
 */
record PipelineParts(
    Scheduler scheduler, PromptEncoder promptEncoder, LatentSpace space, boolean vaeTiling) {
  Autoencoder autoencoder(DiffusionModel model) {
    return new Autoencoder(space, model, vaeTiling);
  }
}
