package io.github.lcm4j.onnx;

import io.github.lcm4j.Precision;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.onnx.export.OnnxComponent;
import io.github.lcm4j.onnx.export.OnnxExport;
import io.github.lcm4j.onnx.export.OnnxWeights;
import io.github.lcm4j.onnx.export.VaePorts;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.spi.ModelSpec;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.spi.VaeDecoder;
import io.github.lcm4j.spi.VaeEncoder;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** A folder of ONNX exports in optimum's layout. */
final class ExportedParts implements ModelParts {
  static final String ENCODER_FOLDER = "vae_encoder";
  static final String DECODER_FOLDER = "vae_decoder";

  private final Checkpoint checkpoint;
  private final OrtRuntime runtime;
  private final Map<String, OnnxExport> exports;
  private final Map<String, OnnxWeights> indexed = new LinkedHashMap<>();

  private ExportedParts(
      Checkpoint checkpoint, OrtRuntime runtime, Map<String, OnnxExport> exports) {
    this.checkpoint = checkpoint;
    this.runtime = runtime;
    this.exports = exports;
  }

  static ExportedParts open(ModelSpec spec, OrtRuntime runtime) throws IOException {
    Checkpoint checkpoint = spec.checkpoint();
    if (!spec.tokenEmbeddings().isEmpty()) {
      throw new UnsupportedOperationException(
          "textual inversion needs a safetensors checkpoint; %s is an ONNX export, whose text encoder has a fixed vocabulary"
              .formatted(checkpoint.folder()));
    }
    if (!spec.controlNets().isEmpty() || !spec.t2iAdapters().isEmpty()) {
      throw new UnsupportedOperationException(
          "ControlNets and T2I-Adapters need a safetensors checkpoint; %s is an ONNX export, whose UNet has no inputs for them"
              .formatted(checkpoint.folder()));
    }
    if (spec.precision() != Precision.FLOAT32) {
      throw new UnsupportedOperationException(
          "a precision can be chosen for a safetensors checkpoint; %s is an ONNX export and computes in what it was exported in"
              .formatted(checkpoint.folder()));
    }
    Map<String, OnnxExport> exports = foldable(checkpoint);
    exports.put(VAE, export(checkpoint.require(DECODER_FOLDER), OnnxComponent.VAE_DECODER));
    return new ExportedParts(checkpoint, runtime, exports);
  }

  /** The exports of the parts that LoRAs may change. */
  static Map<String, OnnxExport> foldable(Checkpoint checkpoint) throws IOException {
    Map<String, OnnxExport> exports = new LinkedHashMap<>();
    exports.put(UNET, export(checkpoint.require(UNET), OnnxComponent.UNET));
    boolean xl = exports.get(UNET).unetPorts().textEmbeds() != null;
    for (String name : xl ? TEXT_ENCODERS : TEXT_ENCODERS.subList(0, 1)) {
      exports.put(name, export(checkpoint.require(name), OnnxComponent.TEXT_ENCODER));
    }
    return exports;
  }

  private static OnnxExport export(Component component, OnnxComponent kind) throws IOException {
    Path file = component.onnxFile();
    if (file == null) {
      throw new CheckpointException(
          "%s has no model.onnx, but the UNet beside it is an ONNX export"
              .formatted(component.folder()));
    }
    return OnnxExport.open(file, kind);
  }

  @Override
  public Set<String> names() {
    return exports.keySet();
  }

  /**
   * Indexed when first asked for: a graph that was optimised beforehand still runs without LoRAs.
   */
  @Override
  public synchronized Map<String, WeightSource> bases() throws IOException {
    Map<String, WeightSource> bases = new LinkedHashMap<>();
    for (String part : exports.keySet()) {
      if (!part.equals(VAE)) {
        bases.put(part, weights(part));
      }
    }
    return bases;
  }

  private synchronized OnnxWeights weights(String part) throws IOException {
    OnnxWeights weights = indexed.get(part);
    if (weights == null) {
      weights = get(part).weights();
      indexed.put(part, weights);
    }
    return weights;
  }

  private OnnxExport get(String part) {
    OnnxExport export = exports.get(part);
    if (export == null) {
      throw new IllegalArgumentException("no part " + part);
    }
    return export;
  }

  @Override
  public Network create(String part, ChangedWeights weights) throws IOException {
    OnnxExport export =
        switch (part) {
          case VAE_ENCODER, FLOAT32_VAE_ENCODER -> encoder();
          case FLOAT32_VAE -> get(VAE);
          default -> get(part);
        };
    return OrtNetwork.open(
        part,
        export.file(),
        arena -> {
          if (isFloat32(part)) {
            return export.inFloat32();
          }
          Map<String, Tensor> changed = weights.fold(arena);
          return changed.isEmpty() ? null : weights(part).override(changed);
        },
        runtime);
  }

  private static boolean isFloat32(String part) {
    return part.equals(FLOAT32_VAE) || part.equals(FLOAT32_VAE_ENCODER);
  }

  private OnnxExport encoder() throws CheckpointException {
    Component component = checkpoint.require(ENCODER_FOLDER);
    try {
      return export(component, OnnxComponent.VAE_ENCODER);
    } catch (CheckpointException e) {
      throw e;
    } catch (IOException e) {
      throw new CheckpointException(component.folder() + " cannot be read: " + e.getMessage(), e);
    }
  }

  @Override
  public Unet unet(Network network) throws CheckpointException {
    return new ExportedUnet(network, get(UNET).unetPorts(), checkpoint.require(UNET));
  }

  @Override
  public TextEncoder textEncoder(String part, Network network) throws CheckpointException {
    return new ExportedTextEncoder(network, get(part).textEncoderPorts(), checkpoint.require(part));
  }

  @Override
  public VaeDecoder vaeDecoder(String part, Network network) throws CheckpointException {
    VaePorts ports = get(VAE).vaePorts();
    return new ExportedVae.Decoder(
        network,
        isFloat32(part) ? ports.inFloat32() : ports,
        ExportedVae.factor(checkpoint.require(DECODER_FOLDER)));
  }

  @Override
  public boolean hasVaeEncoder() {
    return checkpoint.component(ENCODER_FOLDER).isPresent();
  }

  @Override
  public boolean has(String float32Part) {
    try {
      return (float32Part.equals(FLOAT32_VAE) ? get(VAE) : encoder()).isHalfPrecision();
    } catch (CheckpointException e) {
      throw new IllegalStateException(e); // it was there before
    }
  }

  @Override
  public VaeEncoder vaeEncoder(String part, Network network) throws CheckpointException {
    Component component = checkpoint.require(ENCODER_FOLDER);
    VaePorts ports = encoder().vaePorts();
    return new ExportedVae.Encoder(
        network,
        isFloat32(part) ? ports.inFloat32() : ports,
        ExportedVae.factor(component),
        component.intOr("latent_channels", 4));
  }
}
