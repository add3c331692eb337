package io.github.lcm4j;

import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.VaeDecoder;
import io.github.lcm4j.spi.VaeEncoder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The two halves of a model's autoencoder, in tiles where asked for. */
final class Autoencoder {
  private final LatentSpace space;
  private final DiffusionModel model;
  private final @Nullable TiledVae tiles;
  private final Consumer<String> notes;

  /**
   * @param notes is told what did not go as asked
   */
  Autoencoder(LatentSpace space, DiffusionModel model, boolean tiled, Consumer<String> notes) {
    this.space = space;
    this.model = model;
    this.tiles = tiled ? TiledVae.of(space.vaeSize(), space.scaleFactor()) : null;
    this.notes = notes;
  }

  LatentDecoder decoder() {
    VaeDecoder decoder = Upcasting.decoder(model, notes);
    return new LatentDecoder(space, tiles == null ? decoder : tiles.decoder(decoder));
  }

  /**
   * The encoder.
   *
   * @throws IllegalArgumentException if the checkpoint has none
   */
  LatentEncoder encoder() {
    VaeEncoder encoder =
        model
            .vaeEncoder()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "the checkpoint has no VAE encoder, which an initial image needs"));
    VaeEncoder upcasting = Upcasting.encoder(encoder, model, notes);
    return new LatentEncoder(space, tiles == null ? upcasting : tiles.encoder(upcasting));
  }

  /** By the tiny autoencoder if there is one, by a published linear map, or by one of our own. */
  LatentPreview preview() {
    VaeDecoder tiny = model.previewDecoder().orElse(null);
    if (tiny != null) {
      return latents -> LatentDecoder.toImage(tiny.decode(latents));
    }
    LinearPreview published =
        model.unet().usesTextTime() ? LinearPreview.sdxl() : LinearPreview.sd();
    if (published.isFor(space)) {
      return published;
    }
    VaeDecoder own = Upcasting.decoder(model, note -> {});
    return new FittedPreview(space.channels(), latents -> own.decode(space.toVae(latents)));
  }
}
