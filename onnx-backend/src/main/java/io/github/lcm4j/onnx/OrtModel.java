package io.github.lcm4j.onnx;

import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.spi.ControlNet;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.ModelSpec;
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
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The loaded networks of a checkpoint under some LoRAs. */
final class OrtModel implements DiffusionModel {
  /**
   * What all models of one checkpoint share.
   *
   * @param parts how its networks are made and driven
   * @param lenient whether LoRA keys that find no weight are reported instead of refused
   * @param pool networks that exist
   */
  private record Base(ModelParts parts, boolean lenient, NetworkPool pool) {}

  private final Base base;
  private final Map<String, OrtNetwork> networks;
  private final List<String> loraReports;
  private final Unet unet;
  private final List<TextEncoder> textEncoders;
  private final List<ControlNet> controlNets;
  private final VaeDecoder vaeDecoder;
  private @Nullable OrtNetwork encoderNetwork;
  private boolean closed;

  private OrtModel(Base base, Map<String, OrtNetwork> networks, List<String> loraReports)
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
    this.vaeDecoder = base.parts().vaeDecoder(network(ModelParts.VAE));
  }

  /** The session behind a part. */
  OrtNetwork network(String name) {
    OrtNetwork network = networks.get(name);
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
      return create(new Base(parts, spec.lenientLoras(), pool), spec.loras());
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
    Map<String, OrtNetwork> networks = new LinkedHashMap<>();
    base.pool().retain();
    try {
      for (String part : base.parts().names()) {
        boolean changes = footprint.parts().contains(part);
        networks.put(
            part,
            base.pool()
                .get(
                    new NetworkPool.Key(part, changes ? keys : List.of()),
                    () -> base.parts().create(part, changes ? fold.changed(part) : Map.of())));
      }
      return new OrtModel(base, networks, footprint.reports());
    } catch (Throwable e) {
      networks.values().forEach(OrtNetwork::release);
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
  public VaeDecoder vaeDecoder() {
    return vaeDecoder;
  }

  /** Loaded at its first use: text to image never needs it. */
  @Override
  public synchronized Optional<VaeEncoder> vaeEncoder() {
    if (!base.parts().hasVaeEncoder()) {
      return Optional.empty();
    }
    try {
      if (encoderNetwork == null) {
        encoderNetwork =
            base.pool()
                .get(
                    new NetworkPool.Key(ModelParts.VAE_ENCODER, List.of()),
                    () -> base.parts().create(ModelParts.VAE_ENCODER, Map.of()));
      }
      return Optional.of(base.parts().vaeEncoder(encoderNetwork));
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
