package io.github.lcm4j;

import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.spi.VaeEncoder;
import io.github.lcm4j.tensor.Tensor;
import java.nio.FloatBuffer;

/** Pictures to latents: encodes, draws from the distribution that a VAE gives, and scales. */
final class LatentEncoder {
  private final LatentSpace space;
  private final VaeEncoder encoder;

  LatentEncoder(LatentSpace space, VaeEncoder encoder) {
    this.space = space;
    this.encoder = encoder;
  }

  /**
   * An encoded picture.
   *
   * @param latents {@code [1, channels, height / factor, width / factor]}
   * @param drawn whether they were drawn from a distribution
   */
  record Encoding(Tensor latents, boolean drawn) {}

  /**
   * Encodes a picture.
   *
   * @param image float32 {@code [1, 3, height, width]}, −1 to 1
   * @param random drawn from once if the VAE gives a distribution (AutoencoderTiny gives none)
   * @return one row of latents for the UNet
   */
  Encoding encode(Tensor image, TorchRandom random) {
    Tensor encoded = encoder.encode(image);
    boolean distribution = encoded.dimension(1) == 2L * space.channels();
    return new Encoding(
        space.fromVae(distribution ? sample(encoded, random) : encoded), distribution);
  }

  /** μ + σ·ε with the log variance kept to where its exponential is a float. */
  private Tensor sample(Tensor moments, TorchRandom random) {
    Tensor latents = random.randn(1, space.channels(), moments.dimension(2), moments.dimension(3));
    FloatBuffer in = moments.floats();
    FloatBuffer out = latents.floats();
    int count = out.capacity();
    for (int i = 0; i < count; i++) {
      float logVariance = Math.min(20, Math.max(-30, in.get(count + i)));
      float deviation = (float) Math.exp(0.5f * logVariance);
      out.put(i, in.get(i) + deviation * out.get(i));
    }
    return latents;
  }
}
