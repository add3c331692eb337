package io.github.lcm4j.onnx;

import io.github.lcm4j.Precision;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.onnx.graph.AdapterLayout;
import io.github.lcm4j.onnx.graph.ClipTextGraph;
import io.github.lcm4j.onnx.graph.ControlNetGraph;
import io.github.lcm4j.onnx.graph.CpuGraph;
import io.github.lcm4j.onnx.graph.NetworkGraph;
import io.github.lcm4j.onnx.graph.ResidualLayout;
import io.github.lcm4j.onnx.graph.T2IAdapterGraph;
import io.github.lcm4j.onnx.graph.UnetGraph;
import io.github.lcm4j.safetensors.TensorInfo;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.spi.ControlNet;
import io.github.lcm4j.spi.ModelSpec;
import io.github.lcm4j.spi.T2IAdapter;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.spi.VaeDecoder;
import io.github.lcm4j.spi.VaeEncoder;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * A safetensors checkpoint whose networks are emitted as graphs.
 *
 * @param spec what was asked for
 * @param bases mapped tensors by part
 */
record EmittedParts(ModelSpec spec, OrtRuntime runtime, Map<String, WeightSource> bases)
    implements ModelParts {
  /** What is worth a tenth of a second for each new prompt. */
  private static final long LARGE_BYTES = 128 << 20;

  static EmittedParts open(ModelSpec spec, OrtRuntime runtime) throws IOException {
    Checkpoint checkpoint = spec.checkpoint();
    Map<String, WeightSource> bases = new LinkedHashMap<>(checkpoint.openWeights());
    for (Component controlNet : spec.controlNets()) {
      ControlNetGraph.requireFit(controlNet, checkpoint.require(UNET));
      bases.put(controlNet.name(), controlNet.openWeights());
    }
    for (Component adapter : spec.t2iAdapters()) {
      Component vae = checkpoint.require(VAE);
      T2IAdapterGraph.requireFit(adapter, checkpoint.require(UNET), OrtVae.scaleFactorOf(vae));
      bases.put(adapter.name(), adapter.openWeights());
    }
    return new EmittedParts(spec, runtime, bases);
  }

  @Override
  public Set<String> names() {
    return bases.keySet();
  }

  @Override
  public Network create(String part, ChangedWeights changed) throws IOException {
    Component component = component(part);
    WeightSource base = base(component.name());
    NetworkGraph graph = graph(part);
    if (runtime.onCpu() && graph.type() == DType.FLOAT32) {
      boolean decodes = part.equals(VAE) || part.equals(FLOAT32_VAE);
      graph = decodes ? graph.ofOnePicture() : graph;
      graph = CpuGraph.rewrite(graph, side(part, component), CpuGraph.Limits.USUAL);
    }
    return OrtNetwork.create(part, graph, base, changed, runtime);
  }

  /**
   * A text encoder whose weights the runtime maps: it runs once a prompt, for a hundredth of it.
   */
  @Override
  public boolean isLoadedForEachUse(String part) {
    return TEXT_ENCODERS.contains(part)
        && runtime.onCpu()
        && !isHalf()
        && isLargeAndMapped(base(part));
  }

  static boolean isLargeAndMapped(WeightSource base) {
    long bytes = 0;
    for (String name : base.names()) {
      TensorInfo info = base.info(name);
      if (info.dtype() == DType.FLOAT32) {
        bytes += info.byteSize();
      } else if (info.dtype() != null && info.dtype().isFloating()) {
        return false; // it would be cast each time
      }
    }
    return bytes >= LARGE_BYTES;
  }

  /** How large a network's picture or latents are in the checkpoint's own size. */
  private static int side(String part, Component component) {
    // A hint only: configurations have it as a number, a pair or not at all.
    int said = component.config().path("sample_size").asInt(0);
    return switch (part) {
      case VAE, FLOAT32_VAE -> (said > 0 ? said : 512) / OrtVae.scaleFactorOf(component);
      case VAE_ENCODER, FLOAT32_VAE_ENCODER -> said > 0 ? said : 512;
      default -> said > 0 ? said : 64;
    };
  }

  @Override
  public void check(String part) throws CheckpointException {
    graph(part);
  }

  /** A part as it is to be computed. */
  NetworkGraph graph(String part) throws CheckpointException {
    NetworkGraph graph = float32Graph(part);
    boolean half =
        switch (part) {
          case FLOAT32_VAE, FLOAT32_VAE_ENCODER -> false;
          case VAE, VAE_ENCODER -> has(FLOAT32_VAE);
          default -> isHalf();
        };
    if (!half) {
      return graph;
    }
    boolean upcast = component(part).booleanOr("upcast_attention", false);
    return graph.inHalfPrecision(upcast ? Set.of("MultiHeadAttention") : Set.of());
  }

  private boolean isHalf() {
    return spec.precision() == Precision.FLOAT16;
  }

  /** Where half precision is asked for, all but SDXL's VAE have it; diffusers goes by the same. */
  @Override
  public boolean has(String float32Part) {
    try {
      Component vae = component(VAE);
      boolean forced =
          bases.containsKey(TEXT_ENCODERS.get(1))
              && vae.booleanOr("force_upcast", !OrtVae.isTiny(vae));
      return isHalf() && !forced;
    } catch (CheckpointException e) {
      throw new IllegalStateException(e); // it was there when this was opened
    }
  }

  private NetworkGraph float32Graph(String part) throws CheckpointException {
    Component component = component(part);
    WeightSource source = base(component.name());
    return switch (part) {
      case UNET ->
          UnetGraph.emit(
              component, source, !spec.controlNets().isEmpty(), !spec.t2iAdapters().isEmpty());
      case VAE, FLOAT32_VAE -> OrtVae.decoderGraph(component, source);
      case VAE_ENCODER, FLOAT32_VAE_ENCODER -> OrtVae.encoderGraph(component, source);
      default ->
          TEXT_ENCODERS.contains(part)
              ? ClipTextGraph.emit(component, source, spec.tokenEmbeddings().get(part))
              : t2iAdapters().contains(part)
                  ? T2IAdapterGraph.emit(component, source)
                  : ControlNetGraph.emit(component, source);
    };
  }

  private Component component(String part) throws CheckpointException {
    for (List<Component> further : List.of(spec.controlNets(), spec.t2iAdapters())) {
      for (Component component : further) {
        if (component.name().equals(part)) {
          return component;
        }
      }
    }
    return switch (part) {
      case VAE_ENCODER, FLOAT32_VAE, FLOAT32_VAE_ENCODER -> spec.checkpoint().require(VAE);
      default -> spec.checkpoint().require(part);
    };
  }

  private WeightSource base(String part) {
    return Objects.requireNonNull(bases.get(part), part);
  }

  @Override
  public Unet unet(Network network) throws CheckpointException {
    Component component = component(UNET);
    boolean steered = !spec.controlNets().isEmpty();
    boolean adapted = !spec.t2iAdapters().isEmpty();
    return new OrtUnet(
        network,
        component,
        steered ? ResidualLayout.ofUnet(component) : null,
        adapted ? AdapterLayout.of(component) : null);
  }

  @Override
  public TextEncoder textEncoder(String part, Network network) throws CheckpointException {
    Tensor further = spec.tokenEmbeddings().get(part);
    return new OrtTextEncoder(
        network,
        spec.checkpoint().require(part),
        base(part),
        further == null ? 0 : (int) further.dimension(0));
  }

  @Override
  public List<String> controlNets() {
    return spec.controlNets().stream().map(Component::name).toList();
  }

  @Override
  public ControlNet controlNet(String part, Network network) throws CheckpointException {
    return new OrtControlNet(network, component(part));
  }

  @Override
  public List<String> t2iAdapters() {
    return spec.t2iAdapters().stream().map(Component::name).toList();
  }

  @Override
  public T2IAdapter t2iAdapter(String part, Network network) throws CheckpointException {
    return new OrtT2IAdapter(network, component(part));
  }

  @Override
  public VaeDecoder vaeDecoder(String part, Network network) throws CheckpointException {
    return new OrtVae.Decoder(network, spec.checkpoint().require(VAE));
  }

  @Override
  public boolean hasVaeEncoder() {
    return true;
  }

  @Override
  public VaeEncoder vaeEncoder(String part, Network network) throws CheckpointException {
    return new OrtVae.Encoder(network, spec.checkpoint().require(VAE));
  }
}
