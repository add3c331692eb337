package io.github.lcm4j;

import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;

/**
 * Makes the latents a run starts from, with diffusers' order of random draws: the latents of the
 * initial image, then the noise, then what the steps draw.
 */
final class Starter {
  private final LatentSpace space;
  private final Autoencoder autoencoder;
  private final boolean forInpainting;

  /**
   * @param forInpainting whether the UNet is made for inpainting
   */
  Starter(LatentSpace space, Autoencoder autoencoder, boolean forInpainting) {
    this.space = space;
    this.autoencoder = autoencoder;
    this.forInpainting = forInpainting;
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
      return new StartingPoint(0, pureNoise(sampler, random.randn(shape)), null);
    }
    int index = mode == StrengthMode.LCM ? 0 : firstIndex(request, init.strength(), sampler);
    if (init.mask() == null) {
      Tensor original = repeat(autoencoder.encoder().encode(pixels(init), random), request);
      return new StartingPoint(index, sampler.addNoise(original, random.randn(shape), index), null);
    }
    MaskPixels mask = MaskPixels.of(init.mask());
    return forInpainting
        ? showMask(request, init, mask, sampler, index, random)
        : leadByMask(request, init, mask, sampler, index, random);
  }

  /** For a model that was made for inpainting. At full strength it starts from pure noise. */
  private StartingPoint showMask(
      ImageRequest request,
      InitImage init,
      MaskPixels mask,
      Sampler sampler,
      int index,
      TorchRandom random) {
    LatentEncoder encoder = autoencoder.encoder();
    Tensor pixels = pixels(init);
    Tensor original = init.strength() == 1 ? null : repeat(encoder.encode(pixels, random), request);
    Tensor noise = random.randn(space.shape(request.count(), request.width(), request.height()));
    Tensor masked = encoder.encode(mask.erase(pixels), random).latents();
    return new StartingPoint(
        index,
        original == null ? pureNoise(sampler, noise) : sampler.addNoise(original, noise, index),
        new Inpainting.Showing(mask.toLatents(space.scaleFactor()), masked));
  }

  /** For an ordinary model. At full strength it starts from pure noise. */
  private StartingPoint leadByMask(
      ImageRequest request,
      InitImage init,
      MaskPixels mask,
      Sampler sampler,
      int index,
      TorchRandom random) {
    LatentEncoder.Encoding encoding = autoencoder.encoder().encode(pixels(init), random);
    Tensor original = repeat(encoding, request);
    Tensor noise = random.randn(original.shape());
    if (encoding.drawn()) {
      // diffusers encodes the masked picture here too. Nothing uses it, but its draw counts.
      random.randn(encoding.latents().shape());
    }
    return new StartingPoint(
        index,
        init.strength() == 1 ? pureNoise(sampler, noise) : sampler.addNoise(original, noise, index),
        new Inpainting.Leading(mask.toLatents(space.scaleFactor()), noise, original));
  }

  private static Tensor pureNoise(Sampler sampler, Tensor noise) {
    return Tensors.scale(noise, (float) sampler.initNoiseSigma());
  }

  private static Tensor repeat(LatentEncoder.Encoding encoding, ImageRequest request) {
    return Tensors.repeat(encoding.latents(), request.count());
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

  private static Tensor pixels(InitImage init) {
    BufferedImage image = init.image();
    return Pixels.toTensor(Pixels.rgb(image), image.getWidth(), image.getHeight(), true);
  }
}
