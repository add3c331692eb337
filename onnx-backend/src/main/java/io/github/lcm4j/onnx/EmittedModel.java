package io.github.lcm4j.onnx;

import io.github.lcm4j.LoraSpec;
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
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A safetensors checkpoint whose networks are emitted as graphs. */
final class EmittedModel implements DiffusionModel {
  private static final List<String> TEXT_ENCODERS = List.of("text_encoder", "text_encoder_2");
  private static final String UNET = "unet";
  private static final String VAE = "vae";

  private final ModelSpec spec;
  private final OrtRuntime runtime;
  private final Map<String, WeightSource> weights;
  private final Map<String, OrtNetwork> networks;
  private final Unet unet;
  private final List<TextEncoder> textEncoders;
  private final VaeDecoder vaeDecoder;
  private @Nullable OrtNetwork encoderNetwork;

  private EmittedModel(
      ModelSpec spec,
      OrtRuntime runtime,
      Map<String, WeightSource> weights,
      Map<String, OrtNetwork> networks)
      throws CheckpointException {
    this.spec = spec;
    this.runtime = runtime;
    this.weights = weights;
    this.networks = networks;
    this.unet = new OrtUnet(network(networks, UNET), spec.checkpoint().require(UNET));
    this.textEncoders = new ArrayList<>();
    for (String name : TEXT_ENCODERS) {
      if (networks.containsKey(name)) {
        textEncoders.add(
            new OrtTextEncoder(
                network(networks, name), spec.checkpoint().require(name), weights.get(name)));
      }
    }
    this.vaeDecoder = new OrtVae.Decoder(network(networks, VAE), spec.checkpoint().require(VAE));
  }

  /** The session behind a part. */
  OrtNetwork network(String name) {
    return network(networks, name);
  }

  private static OrtNetwork network(Map<String, OrtNetwork> networks, String name) {
    OrtNetwork network = networks.get(name);
    if (network == null) {
      throw new IllegalStateException("network " + name + " was not created");
    }
    return network;
  }

  static EmittedModel load(ModelSpec spec) throws IOException {
    OrtRuntime runtime = OrtRuntime.of(spec.executionProvider(), spec.threads());
    Map<String, WeightSource> weights = new LinkedHashMap<>();
    weights.put(UNET, spec.checkpoint().require(UNET).openWeights());
    weights.put(
        TEXT_ENCODERS.get(0), spec.checkpoint().require(TEXT_ENCODERS.get(0)).openWeights());
    Optional<Component> second = spec.checkpoint().component(TEXT_ENCODERS.get(1));
    if (second.isPresent()) {
      weights.put(TEXT_ENCODERS.get(1), second.get().openWeights());
    }
    weights.put(VAE, spec.checkpoint().require(VAE).openWeights());
    return create(spec, runtime, weights, Map.of());
  }

  /** Creates the networks, taking over those that exist already. */
  private static EmittedModel create(
      ModelSpec spec,
      OrtRuntime runtime,
      Map<String, WeightSource> weights,
      Map<String, OrtNetwork> shared)
      throws IOException {
    Map<String, OrtNetwork> networks = new LinkedHashMap<>();
    try {
      for (Map.Entry<String, WeightSource> part : weights.entrySet()) {
        String name = part.getKey();
        OrtNetwork existing = shared.get(name);
        networks.put(
            name,
            existing != null
                ? existing.retain()
                : OrtNetwork.create(
                    name,
                    graph(spec.checkpoint().require(name), part.getValue()),
                    part.getValue(),
                    Map.<String, Tensor>of(),
                    runtime));
      }
      return new EmittedModel(spec, runtime, weights, networks);
    } catch (Throwable e) {
      networks.values().forEach(OrtNetwork::release);
      throw e;
    }
  }

  private static NetworkGraph graph(Component component, WeightSource weights)
      throws CheckpointException {
    return switch (component.name()) {
      case UNET -> UnetGraph.emit(component, weights);
      case VAE -> OrtVae.decoderGraph(component, weights);
      default -> ClipTextGraph.emit(component, weights);
    };
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
      Component component = spec.checkpoint().require(VAE);
      if (encoderNetwork == null) {
        WeightSource source = weights.get(VAE);
        encoderNetwork =
            OrtNetwork.create(
                "vae encoder", OrtVae.encoderGraph(component, source), source, Map.of(), runtime);
      }
      return Optional.of(new OrtVae.Encoder(encoderNetwork, component));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public List<String> loraReports() {
    return List.of();
  }

  @Override
  public DiffusionModel withLoras(List<LoraSpec> loras) throws IOException {
    throw new IOException("PLACEHOLDER");
  }

  @Override
  public synchronized void close() {
    networks.values().forEach(OrtNetwork::release);
    if (encoderNetwork != null) {
      encoderNetwork.release();
      encoderNetwork = null;
    }
  }
}
