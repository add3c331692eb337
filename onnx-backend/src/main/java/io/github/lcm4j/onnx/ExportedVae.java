package io.github.lcm4j.onnx;

import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.onnx.export.VaePorts;
import io.github.lcm4j.onnx.graph.AutoencoderKlGraph;
import io.github.lcm4j.onnx.graph.AutoencoderTinyGraph;
import io.github.lcm4j.spi.VaeDecoder;
import io.github.lcm4j.spi.VaeEncoder;
import io.github.lcm4j.tensor.Tensor;

/** The two halves of an exported autoencoder. */
final class ExportedVae {
  private static final int USUAL_FACTOR = 8;
  private static final int COLOURS = 3;

  private ExportedVae() {}

  static int factor(Component component) {
    if (OrtVae.isTiny(component)) {
      return AutoencoderTinyGraph.scaleFactor(component);
    }
    return component.config().path("block_out_channels").isEmpty()
        ? USUAL_FACTOR
        : AutoencoderKlGraph.scaleFactor(component);
  }

  record Decoder(Network network, VaePorts ports, int scaleFactor) implements VaeDecoder {
    @Override
    public Tensor decode(Tensor latents) {
      return new PortRun(network)
          .input(ports.input(), latents)
          .output(
              ports.output(),
              latents.dimension(0),
              COLOURS,
              latents.dimension(2) * scaleFactor,
              latents.dimension(3) * scaleFactor)
          .run(true);
    }
  }

  record Encoder(Network network, VaePorts ports, int scaleFactor, int latentChannels)
      implements VaeEncoder {
    @Override
    public Tensor encode(Tensor image) {
      return new PortRun(network)
          .input(ports.input(), image)
          .output(
              ports.output(),
              image.dimension(0),
              ports.moments() ? 2L * latentChannels : latentChannels,
              image.dimension(2) / scaleFactor,
              image.dimension(3) / scaleFactor)
          .run();
    }
  }
}
