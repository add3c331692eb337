package io.github.lcm4j;

import io.github.lcm4j.spi.DiffusionModel;
import java.util.function.Consumer;

/**
 * What a pipeline is made of beside its networks; the same whatever LoRAs are folded into these.
 *
 * @param vaeTiling whether large pictures pass the autoencoder in tiles
 */
record PipelineParts(
    Scheduler scheduler, PromptEncoder promptEncoder, LatentSpace space, boolean vaeTiling) {
  Autoencoder autoencoder(DiffusionModel model, Consumer<String> notes) {
    return new Autoencoder(space, model, vaeTiling, notes);
  }
}
