package io.github.lcm4j.spi;

import io.github.lcm4j.LoraSpec;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The loaded networks of a checkpoint. Safe for use by several threads; {@link #close} must come
 * after the last call has returned.
 */
public interface DiffusionModel extends AutoCloseable {
  /** The text encoders in the order of their use: one, or SDXL's two. */
  List<TextEncoder> textEncoders();

  /** The noise predictor. */
  Unet unet();

  /** Latents to picture. */
  VaeDecoder vaeDecoder();

  /** Picture to latents, if the checkpoint has it. */
  Optional<VaeEncoder> vaeEncoder();

  /**
   * The decoder in float32, for latents that overflow in {@link #vaeDecoder}; loaded at its first
   * use. Empty where that one computes in float32 already, or cannot be had otherwise.
   */
  default Optional<VaeDecoder> float32VaeDecoder() {
    return Optional.empty();
  }

  /** The encoder in float32, likewise. */
  default Optional<VaeEncoder> float32VaeEncoder() {
    return Optional.empty();
  }

  /** The ControlNets in the order in which they were given; empty if there are none. */
  default List<ControlNet> controlNets() {
    return List.of();
  }

  /** The T2I-Adapters in the order in which they were given; empty if there are none. */
  default List<T2IAdapter> t2iAdapters() {
    return List.of();
  }

  /** A tiny autoencoder's decoder for previews, if one was given. It takes the UNet's latents. */
  default Optional<VaeDecoder> previewDecoder() {
    return Optional.empty();
  }

  /** What runs one after the other in a generation. */
  enum Part {
    /** All text encoders. */
    TEXT_ENCODERS,
    /** The encoder half of the autoencoder. */
    VAE_ENCODER,
    /** The UNet with its ControlNets. */
    UNET,
    /** The decoder half of the autoencoder. */
    VAE_DECODER
  }

  /**
   * Does some work while a part stays in memory. In a model that saves memory, a part is otherwise
   * loaded for each of its runs; in any other this does the work and nothing else.
   *
   * @param part what the work runs
   * @param work the work
   * @return what the work returns
   */
  default <T> T whileLoaded(Part part, Supplier<T> work) {
    return work.get();
  }

  /** One line a LoRA file: what it changed and what was ignored. */
  List<String> loraReports();

  /**
   * The same base with other LoRAs. What they leave untouched is shared with this model, and either
   * may be closed first.
   *
   * @param loras LoRA files to fold into the pristine base, in order
   * @return a model of its own, owned by the caller
   * @throws IOException if a LoRA file is damaged or does not fit
   */
  DiffusionModel withLoras(List<LoraSpec> loras) throws IOException;

  @Override
  void close();
}
