package io.github.lcm4j.onnx;

import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.onnx.graph.ClipTextGraph;
import io.github.lcm4j.onnx.graph.NetworkGraph;
import io.github.lcm4j.onnx.graph.UnetGraph;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.ModelSpec;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.spi.VaeDecoder;
import io.github.lcm4j.spi.VaeEncoder;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A safetensors checkpoint whose networks are emitted as graphs. */
final class EmittedModel implements DiffusionModel {
  private static final List<String> TEXT_ENCODERS = List.of("text_encoder", "text_encoder_2");
  private static final String UNET = "unet";
  private static final String VAE = "vae";
  private static final String VAE_ENCODER = "vae encoder";

  /**
   * What all models of one checkpoint share.
   *
   * @param spec how the first was asked for
   * @param weights mapped tensors by part
   * @param pool networks that exist
   */
  private record Base(
      ModelSpec spec, OrtRuntime runtime, Map<String, WeightSource> weights, NetworkPool pool) {
    Checkpoint checkpoint() {
      return spec.checkpoint();
    }

    OrtNetwork create(String part, Map<String, Tensor> changed) throws IOException {
      String folder = part.equals(VAE_ENCODER) ? VAE : part;
      Component component = checkpoint().require(folder);
      WeightSource source = Objects.requireNonNull(weights.get(folder));
      NetworkGraph graph =
          switch (part) {
            case UNET -> UnetGraph.emit(component, source);
            case VAE -> OrtVae.decoderGraph(component, source);
            case VAE_ENCODER -> OrtVae.encoderGraph(component, source);
            default -> ClipTextGraph.emit(component, source, spec.tokenEmbeddings().get(part));
          };
      return OrtNetwork.create(part, graph, source, changed, runtime);
    }
  }

  private final Base base;
  private final Map<String, OrtNetwork> networks;
  private final List<String> loraReports;
  private final Unet unet;
  private final List<TextEncoder> textEncoders;
  private final VaeDecoder vaeDecoder;
  private @Nullable OrtNetwork encoderNetwork;
  private boolean closed;

  private EmittedModel(Base base, Map<String, OrtNetwork> networks, List<String> loraReports)
      throws CheckpointException {
    this.base = base;
    this.networks = networks;
    this.loraReports = List.copyOf(loraReports);
    this.unet = new OrtUnet(network(UNET), base.checkpoint().require(UNET));
    this.textEncoders = new ArrayList<>();
    for (String name : TEXT_ENCODERS) {
      if (networks.containsKey(name)) {
        Component component = base.checkpoint().require(name);
        Tensor further = base.spec().tokenEmbeddings().get(name);
        textEncoders.add(
            new OrtTextEncoder(
                network(name),
                component,
                base.weights().get(name),
                further == null ? 0 : (int) further.dimension(0)));
      }
    }
    this.vaeDecoder = new OrtVae.Decoder(network(VAE), base.checkpoint().require(VAE));
  }

  /** The session behind a part. */
  OrtNetwork network(String name) {
    OrtNetwork network = networks.get(name);
    if (network == null) {
      throw new IllegalStateException("network " + name + " was not created");
    }
    return network;
  }

  /** Whether the UNet takes what only a second text encoder gives. */
  private static boolean isXl(Checkpoint checkpoint) throws CheckpointException {
    return checkpoint.require(UNET).textOr("addition_embed_type", "").equals("text_time");
  }

  static EmittedModel load(ModelSpec spec) throws IOException {
    OrtRuntime runtime = OrtRuntime.of(spec.executionProvider(), spec.threads());
    Map<String, WeightSource> weights = new LinkedHashMap<>();
    weights.put(UNET, spec.checkpoint().require(UNET).openWeights());
    weights.put(
        TEXT_ENCODERS.get(0), spec.checkpoint().require(TEXT_ENCODERS.get(0)).openWeights());
    if (isXl(spec.checkpoint())) {
      weights.put(
          TEXT_ENCODERS.get(1), spec.checkpoint().require(TEXT_ENCODERS.get(1)).openWeights());
    }
    weights.put(VAE, spec.checkpoint().require(VAE).openWeights());
    NetworkPool pool = new NetworkPool();
    try {
      return create(new Base(spec, runtime, weights, pool), spec.loras());
    } finally {
      pool.release(); // the model holds it now, or it is to be emptied
    }
  }

  @Override
  public DiffusionModel withLoras(List<LoraSpec> loras) throws IOException {
    return create(base, loras);
  }

  /** Folds the LoRAs and takes each network from the pool, or creates it. */
  private static EmittedModel create(Base base, List<LoraSpec> loras) throws IOException {
    List<LoraKey> keys = LoraKey.of(loras);
    LoraFold fold = new LoraFold(base.weights(), loras, base.spec().lenientLoras());
    LoraFold.Footprint footprint = base.pool().footprint(keys, fold);
    Map<String, OrtNetwork> networks = new LinkedHashMap<>();
    base.pool().retain();
    try {
      for (String part : base.weights().keySet()) {
        boolean changes = footprint.parts().contains(part);
        networks.put(
            part,
            base.pool()
                .get(
                    new NetworkPool.Key(part, changes ? keys : List.of()),
                    () -> base.create(part, changes ? fold.changed(part) : Map.of())));
      }
      return new EmittedModel(base, networks, footprint.reports());
    } catch (Throwable e) {
      networks.values().forEach(OrtNetwork::release);
      base.pool().release();
      throw e;
    }
  }

  @Override
  public List<TextEncoder> textEncoders() {
    return List.copyOf(textEncoders);
  }

  @Override
  public Unet unet() {
    return unet;
  }

  @Override
  public VaeDecoder vaeDecoder() {
    return vaeDecoder;
  }

  /** Loaded at its first use: text to image never needs it. */
  @Override
  public synchronized Optional<VaeEncoder> vaeEncoder() {
    try {
      if (encoderNetwork == null) {
        encoderNetwork =
            base.pool()
                .get(
                    new NetworkPool.Key(VAE_ENCODER, List.of()),
                    () -> base.create(VAE_ENCODER, Map.of()));
      }
      return Optional.of(new OrtVae.Encoder(encoderNetwork, base.checkpoint().require(VAE)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public List<String> loraReports() {
    return loraReports;
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    networks.values().forEach(OrtNetwork::release);
    if (encoderNetwork != null) {
      encoderNetwork.release();
    }
    base.pool().release();
  }
}
