package io.github.lcm4j.benchmarks;

import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.onnx.OnnxBackend;
import io.github.lcm4j.spi.Backend;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.ModelSpec;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.spi.VaeDecoder;
import io.github.lcm4j.spi.VaeEncoder;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * The ONNX backend with a clock around its networks. This program's jar comes first on the class
 * path, so pipelines find it before the bare one.
 */
public final class TimedBackend implements Backend {
  /** Made by {@link java.util.ServiceLoader}. */
  public TimedBackend() {}

  @Override
  public DiffusionModel load(ModelSpec spec) throws IOException {
    return new TimedModel(new OnnxBackend().load(spec));
  }

  private record TimedModel(DiffusionModel model) implements DiffusionModel {
    @Override
    public List<TextEncoder> textEncoders() {
      return model.textEncoders().stream().<TextEncoder>map(TimedTextEncoder::new).toList();
    }

    @Override
    public Unet unet() {
      return new TimedUnet(model.unet());
    }

    @Override
    public VaeDecoder vaeDecoder() {
      return new TimedDecoder(model.vaeDecoder());
    }

    @Override
    public Optional<VaeEncoder> vaeEncoder() {
      return model.vaeEncoder();
    }

    @Override
    public List<String> loraReports() {
      return model.loraReports();
    }

    @Override
    public DiffusionModel withLoras(List<LoraSpec> loras) throws IOException {
      return new TimedModel(model.withLoras(loras));
    }

    @Override
    public void close() {
      model.close();
    }
  }

  private record TimedTextEncoder(TextEncoder encoder) implements TextEncoder {
    @Override
    public int layers() {
      return encoder.layers();
    }

    @Override
    public int hiddenSize() {
      return encoder.hiddenSize();
    }

    @Override
    public Encoding encode(Tensor inputIds, int layersFromEnd, boolean normalize) {
      return NetworkClock.network(() -> encoder.encode(inputIds, layersFromEnd, normalize));
    }
  }

  private record TimedUnet(Unet unet) implements Unet {
    @Override
    public int inChannels() {
      return unet.inChannels();
    }

    @Override
    public int timeCondProjDim() {
      return unet.timeCondProjDim();
    }

    @Override
    public boolean usesTextTime() {
      return unet.usesTextTime();
    }

    @Override
    public Tensor predict(Input input) {
      return NetworkClock.network(() -> unet.predict(input));
    }
  }

  private record TimedDecoder(VaeDecoder decoder) implements VaeDecoder {
    @Override
    public int scaleFactor() {
      return decoder.scaleFactor();
    }

    @Override
    public Tensor decode(Tensor latents) {
      return NetworkClock.network(() -> decoder.decode(latents));
    }
  }
}
