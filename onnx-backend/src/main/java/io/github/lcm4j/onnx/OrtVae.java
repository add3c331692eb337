package io.github.lcm4j.onnx;

import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.onnx.graph.AutoencoderKlGraph;
import io.github.lcm4j.onnx.graph.AutoencoderTinyGraph;
import io.github.lcm4j.onnx.graph.NetworkGraph;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.spi.VaeDecoder;
import io.github.lcm4j.spi.VaeEncoder;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.util.Map;

/** The two halves of an autoencoder, AutoencoderKL or AutoencoderTiny. */
final class OrtVae {
  private OrtVae() {}

  static boolean isTiny(Component component) {
    return component.className().equals("AutoencoderTiny");
  }

  static int scaleFactorOf(Component component) {
    return isTiny(component)
        ? AutoencoderTinyGraph.scaleFactor(component)
        : AutoencoderKlGraph.scaleFactor(component);
  }

  static NetworkGraph decoderGraph(Component component, WeightSource weights)
      throws CheckpointException {
    return isTiny(component)
        ? AutoencoderTinyGraph.emitDecoder(component, weights)
        : AutoencoderKlGraph.emitDecoder(component, weights);
  }

  static NetworkGraph encoderGraph(Component component, WeightSource weights)
      throws CheckpointException {
    return isTiny(component)
        ? AutoencoderTinyGraph.emitEncoder(component, weights)
        : AutoencoderKlGraph.emitEncoder(component, weights);
  }

  /**
   * A decoder.
   *
   * @param network the session
   * @param scaleFactor picture pixels a latent cell stands for, per side
   * @param channels colours of its pictures
   */
  record Decoder(Network network, int scaleFactor, int channels) implements VaeDecoder {
    Decoder(Network network, Component component) {
      this(network, scaleFactorOf(component), component.intOr("out_channels", 3));
    }

    @Override
    public Tensor decode(Tensor latents) {
      Tensor picture =
          Tensor.allocate(
              DType.FLOAT32,
              latents.dimension(0),
              channels,
              latents.dimension(2) * scaleFactor,
              latents.dimension(3) * scaleFactor);
      for (int i = 0; i < latents.dimension(0); i++) { // what it computes in between is large
        network.run(
            Map.of("latent_sample", latents.rows(i, i + 1)),
            Map.of("sample", picture.rows(i, i + 1)),
            i == latents.dimension(0) - 1);
      }
      return picture;
    }
  }

  /**
   * An encoder.
   *
   * @param network the session
   * @param output name of its output
   * @param scaleFactor picture pixels a latent cell stands for, per side
   * @param channels channels of its output
   */
  record Encoder(Network network, String output, int scaleFactor, int channels)
      implements VaeEncoder {
    Encoder(Network network, Component component) {
      this(
          network,
          isTiny(component) ? "latent_sample" : "latent_parameters",
          scaleFactorOf(component),
          component.intOr("latent_channels", 4) * (isTiny(component) ? 1 : 2));
    }

    @Override
    public Tensor encode(Tensor image) {
      Tensor latents =
          Tensor.allocate(
              DType.FLOAT32,
              image.dimension(0),
              channels,
              image.dimension(2) / scaleFactor,
              image.dimension(3) / scaleFactor);
      network.run(Map.of("sample", image), Map.of(output, latents));
      return latents;
    }
  }
}
