package io.github.lcm4j.onnx;

import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.spi.ControlNet;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.ModelSpec;
import io.github.lcm4j.spi.T2IAdapter;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.spi.VaeDecoder;
import io.github.lcm4j.spi.VaeEncoder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The loaded networks of a checkpoint under some LoRAs. */
final class OrtModel implements DiffusionModel {
  /**
   * What all models of one checkpoint share.
   *
   * @param parts how its networks are made and driven
   * @param lenient whether LoRA keys that find no weight are reported instead of refused
   * @param onDemand whether networks are in memory only while they run
   * @param previewVae a tiny autoencoder for previews, or null
   * @param pool networks that exist
   */
  private record Base(
      ModelParts parts,
      OrtRuntime runtime,
      boolean lenient,
      boolean onDemand,
      @Nullable Component previewVae,
      NetworkPool pool) {

    /**
     * A part under some LoRAs.
     *
     * @param loras those that change it, as they were when it was folded
     * @param changed their folded weights
     */
    Network network(String part, List<LoraKey> loras, ChangedWeights changed) throws IOException {
      if (!onDemand && !(loras.isEmpty() && parts.isLoadedForEachUse(part))) {
        return pool.get(new NetworkPool.Key(part, loras), () -> parts.create(part, changed));
      }
      parts.check(part);
      // Folded anew each time, or the changed weights would stay in memory.
      return new OnDemandNetwork(part, () -> parts.create(part, changed), !loras.isEmpty());
    }

    Network previewNetwork(Component component) throws IOException {
      return pool.get(
          new NetworkPool.Key(component.name(), List.of()),
          () -> {
            WeightSource weights = component.openWeights();
            return OrtNetwork.create(
                component.name(),
                OrtVae.decoderGraph(component, weights),
                weights,
                ChangedWeights.NONE,
                runtime);
          });
    }
  }

  private final Base base;
  private final Map<String, Network> networks;
  private final List<String> loraReports;
  private final Unet unet;
  private final List<TextEncoder> textEncoders;
  private final List<ControlNet> controlNets;
  private final List<T2IAdapter> t2iAdapters;
  private final VaeDecoder vaeDecoder;
  private final @Nullable VaeDecoder previewDecoder;

  /** Networks that few runs need. */
  private final Map<String, Network> late = new LinkedHashMap<>();

  private boolean closed;

  private OrtModel(Base base, Map<String, Network> networks, List<String> loraReports)
      throws CheckpointException {
    this.base = base;
    this.networks = networks;
    this.loraReports = List.copyOf(loraReports);
    this.unet = base.parts().unet(network(ModelParts.UNET));
    List<TextEncoder> encoders = new ArrayList<>();
    for (String name : ModelParts.TEXT_ENCODERS) {
      if (networks.containsKey(name)) {
        encoders.add(base.parts().textEncoder(name, network(name)));
      }
    }
    this.textEncoders = List.copyOf(encoders);
    List<ControlNet> controls = new ArrayList<>();
    for (String name : base.parts().controlNets()) {
      controls.add(base.parts().controlNet(name, network(name)));
    }
    this.controlNets = List.copyOf(controls);
    List<T2IAdapter> adapters = new ArrayList<>();
    for (String name : base.parts().t2iAdapters()) {
      adapters.add(base.parts().t2iAdapter(name, network(name)));
    }
    this.t2iAdapters = List.copyOf(adapters);
    this.vaeDecoder = base.parts().vaeDecoder(ModelParts.VAE, network(ModelParts.VAE));
    Component tiny = base.previewVae();
    this.previewDecoder = tiny == null ? null : new OrtVae.Decoder(network(tiny.name()), tiny);
  }

  /** The session behind a part. */
  Network network(String name) {
    Network network = networks.get(name);
    if (network == null) {
      throw new IllegalStateException("network " + name + " was not created");
    }
    return network;
  }

  static OrtModel load(ModelSpec spec) throws IOException {
    OrtRuntime runtime = OrtRuntime.of(spec.executionProvider(), spec.threads());
    ModelParts parts =
        spec.checkpoint().require(ModelParts.UNET).isOnnx()
            ? ExportedParts.open(spec, runtime)
            : EmittedParts.open(spec, runtime);
    NetworkPool pool = new NetworkPool();
    try {
      return create(
          new Base(parts, runtime, spec.lenientLoras(), spec.lowMemory(), spec.previewVae(), pool),
          spec.loras());
    } finally {
      pool.release(); // the model holds it now, or it is to be emptied
    }
  }

  @Override
  public DiffusionModel withLoras(List<LoraSpec> loras) throws IOException {
    return create(base, loras);
  }

  /** Folds the LoRAs and takes each network from the pool, or creates it. */
  private static OrtModel create(Base base, List<LoraSpec> loras) throws IOException {
    List<LoraKey> keys = LoraKey.of(loras);
    LoraFold fold =
        new LoraFold(loras.isEmpty() ? Map.of() : base.parts().bases(), loras, base.lenient());
    LoraFold.Footprint footprint = base.pool().footprint(keys, fold);
    Map<String, Network> networks = new LinkedHashMap<>();
    base.pool().retain();
    try {
      for (String part : base.parts().names()) {
        boolean changes = footprint.parts().contains(part);
        networks.put(
            part,
            base.network(
                part,
                changes ? keys : List.of(),
                changes ? fold.changed(part) : ChangedWeights.NONE));
      }
      if (base.previewVae() != null) {
        networks.put(base.previewVae().name(), base.previewNetwork(base.previewVae()));
      }
      return new OrtModel(base, networks, footprint.reports());
    } catch (Throwable e) {
      networks.values().forEach(Network::release);
      base.pool().release();
      throw e;
    }
  }

  @Override
  public List<TextEncoder> textEncoders() {
    return textEncoders;
  }

  @Override
  public Unet unet() {
    return unet;
  }

  @Override
  public List<ControlNet> controlNets() {
    return controlNets;
  }

  @Override
  public List<T2IAdapter> t2iAdapters() {
    return t2iAdapters;
  }

  @Override
  public VaeDecoder vaeDecoder() {
    return vaeDecoder;
  }

  /** Loaded at its first use: text to image never needs it. */
  @Override
  public Optional<VaeEncoder> vaeEncoder() {
    return base.parts().hasVaeEncoder()
        ? Optional.of(encoder(ModelParts.VAE_ENCODER))
        : Optional.empty();
  }

  @Override
  public Optional<VaeEncoder> float32VaeEncoder() {
    return base.parts().hasVaeEncoder() && base.parts().has(ModelParts.FLOAT32_VAE_ENCODER)
        ? Optional.of(encoder(ModelParts.FLOAT32_VAE_ENCODER))
        : Optional.empty();
  }

  private VaeEncoder encoder(String part) {
    try {
      return base.parts().vaeEncoder(part, lateNetwork(part));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public Optional<VaeDecoder> float32VaeDecoder() {
    if (!base.parts().has(ModelParts.FLOAT32_VAE)) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          base.parts().vaeDecoder(ModelParts.FLOAT32_VAE, lateNetwork(ModelParts.FLOAT32_VAE)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A network that is created when it is first asked for. */
  private synchronized Network lateNetwork(String part) throws IOException {
    Network network = late.get(part);
    if (network == null) {
      network = base.network(part, List.of(), ChangedWeights.NONE);
      late.put(part, network);
    }
    return network;
  }

  @Override
  public Optional<VaeDecoder> previewDecoder() {
    return Optional.ofNullable(previewDecoder);
  }

  @Override
  public <T> T whileLoaded(Part part, Supplier<T> work) {
    List<OnDemandNetwork> held = new ArrayList<>();
    try {
      for (Network network : networks(part)) {
        if (network instanceof OnDemandNetwork onDemand) {
          onDemand.hold();
          held.add(onDemand);
        }
      }
      return work.get();
    } finally {
      held.forEach(OnDemandNetwork::letGo);
    }
  }

  private List<Network> networks(Part part) {
    return switch (part) {
      case TEXT_ENCODERS ->
          ModelParts.TEXT_ENCODERS.stream()
              .filter(networks::containsKey)
              .map(this::network)
              .toList();
      case VAE_ENCODER -> vaeEncoder().isPresent() ? List.of(encoderNetwork()) : List.of();
      case UNET ->
          Stream.concat(Stream.of(ModelParts.UNET), base.parts().controlNets().stream())
              .map(this::network)
              .toList();
      case VAE_DECODER -> List.of(network(ModelParts.VAE));
    };
  }

  private synchronized Network encoderNetwork() {
    return Objects.requireNonNull(late.get(ModelParts.VAE_ENCODER));
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
    networks.values().forEach(Network::release);
    late.values().forEach(Network::release);
    base.pool().release();
  }
}
