package io.github.lcm4j.onnx;

import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.spi.ControlNet;
import io.github.lcm4j.spi.T2IAdapter;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.spi.VaeDecoder;
import io.github.lcm4j.spi.VaeEncoder;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** How the networks of one kind of checkpoint are created and driven. */
interface ModelParts {
  String UNET = "unet";
  String VAE = "vae";
  String VAE_ENCODER = "vae encoder";
  String FLOAT32_VAE = "vae in float32";
  String FLOAT32_VAE_ENCODER = "vae encoder in float32";
  List<String> TEXT_ENCODERS = List.of("text_encoder", "text_encoder_2");

  /** The parts that every model needs; the VAE encoder comes when it is asked for. */
  Set<String> names();

  /** Pristine weights of the parts that LoRAs may change, in torch's names and layout. */
  Map<String, WeightSource> bases() throws IOException;

  /** Creates a part's session with some weights changed. */
  Network create(String part, ChangedWeights changed) throws IOException;

  /** Finds what is wrong with a part without loading it, as far as that can be done. */
  default void check(String part) throws CheckpointException {}

  /**
   * Whether a pristine part is large, seldom used and quickly loaded, so that it need not stay in
   * memory.
   */
  default boolean isLoadedForEachUse(String part) {
    return false;
  }

  Unet unet(Network network) throws CheckpointException;

  TextEncoder textEncoder(String part, Network network) throws CheckpointException;

  /** The parts that are ControlNets, in order. */
  default List<String> controlNets() {
    return List.of();
  }

  default ControlNet controlNet(String part, Network network) throws CheckpointException {
    throw new IllegalArgumentException("no ControlNet " + part);
  }

  /** The parts that are T2I-Adapters, in order. */
  default List<String> t2iAdapters() {
    return List.of();
  }

  default T2IAdapter t2iAdapter(String part, Network network) throws CheckpointException {
    throw new IllegalArgumentException("no T2I-Adapter " + part);
  }

  /** A decoder; the part is {@link #VAE} or {@link #FLOAT32_VAE}. */
  VaeDecoder vaeDecoder(String part, Network network) throws CheckpointException;

  boolean hasVaeEncoder();

  /** Whether {@link #FLOAT32_VAE}, or its encoder, is a network beside one in half precision. */
  boolean has(String float32Part);

  /** An encoder; the part is {@link #VAE_ENCODER} or {@link #FLOAT32_VAE_ENCODER}. */
  VaeEncoder vaeEncoder(String part, Network network) throws CheckpointException;
}
