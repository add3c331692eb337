package io.github.lcm4j;

import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.VaeEncoder;
import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;

/**
 * Makes the latents a run starts from, with diffusers' order of random draws: the latents of the
 * initial image, then the noise, then what the steps draw.
 */
final class Starter {
  private final LatentSpace space;
  private final DiffusionModel model;

  Starter(LatentSpace space, DiffusionModel model) {
    this.space = space;
    this.model = model;
  }

  /**
   * Starts a run.
   *
   * @param mode what the initial image's strength does; ignored without one
   */
  StartingPoint start(
      ImageRequest request, Sampler sampler, StrengthMode mode, TorchRandom random) {
    InitImage init = request.initImage();
    long[] shape = space.shape(request.count(), request.width(), request.height());
    if (init == null) {
      Tensor noise = random.randn(shape);
      return new StartingPoint(0, Tensors.scale(noise, (float) sampler.initNoiseSigma()));
    }
    int index = mode == StrengthMode.LCM ? 0 : firstIndex(request, init.strength(), sampler);
    Tensor original = Tensors.repeat(encode(init.image(), random), request.count());
    Tensor noise = random.randn(shape);
    return new StartingPoint(index, sampler.addNoise(original, noise, index));
  }

  /** diffusers' get_timesteps: of all steps the last ⌊steps × strength⌋ are left. */
  private static int firstIndex(ImageRequest request, double strength, Sampler sampler) {
    long[] timesteps = request.timesteps();
    int steps = timesteps == null ? request.steps() : timesteps.length;
    int kept = (int) (steps * strength);
    if (kept < 1) {
      throw new IllegalArgumentException(
          "strength %s of %d steps leaves none; use a strength of at least %s, or at least %d steps"
              .formatted(strength, steps, 1.0 / steps, (int) Math.ceil(1 / strength)));
    }
    return (steps - kept) * sampler.order();
  }

  private Tensor encode(BufferedImage image, TorchRandom random) {
    VaeEncoder encoder =
        model
            .vaeEncoder()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "the checkpoint has no VAE encoder, which an initial image needs"));
    Tensor pixels = Pixels.toTensor(Pixels.rgb(image), image.getWidth(), image.getHeight(), true);
    return new LatentEncoder(space, encoder).encode(pixels, random);
  }
}
