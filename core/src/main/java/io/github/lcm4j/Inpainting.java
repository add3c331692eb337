package io.github.lcm4j;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;

/**
 * What an inpainting run adds to the loop, as diffusers' StableDiffusionInpaintPipeline. A mask is
 * {@code [1, 1, height, width]} of the latents' size: 1 where to draw, else 0.
 */
sealed interface Inpainting {
  /** The UNet's input for scaled latents. */
  Tensor modelInput(Tensor latents);

  /**
   * The latents to go on with after a step.
   *
   * @param index of the step in the sampler's timesteps
   */
  Tensor afterStep(Tensor latents, Sampler sampler, int index);

  /**
   * An inpainting model sees the mask and the rest of the picture as further input channels.
   *
   * @param maskedImage latents of the picture without what the mask covers, one row
   */
  record Showing(Tensor mask, Tensor maskedImage) implements Inpainting {
    @Override
    public Tensor modelInput(Tensor latents) {
      long[] shape = latents.shape();
      int rows = (int) shape[0];
      shape[1] += 1 + maskedImage.dimension(1);
      Tensor result = Tensor.allocate(DType.FLOAT32, shape);
      ByteBuffer out = result.buffer();
      for (int i = 0; i < rows; i++) {
        out.put(latents.rows(i, i + 1).buffer()).put(mask.buffer()).put(maskedImage.buffer());
      }
      return result;
    }

    @Override
    public Tensor afterStep(Tensor latents, Sampler sampler, int index) {
      return latents;
    }
  }

  /**
   * An ordinary model is led: outside the mask each step's result is replaced by the original,
   * noised to the level of the next step.
   *
   * @param noise the run's first noise {@code [count, channels, height, width]}
   * @param original clean latents of the initial image, of the noise's shape
   */
  record Leading(Tensor mask, Tensor noise, Tensor original) implements Inpainting {
    @Override
    public Tensor modelInput(Tensor latents) {
      return latents;
    }

    @Override
    public Tensor afterStep(Tensor latents, Sampler sampler, int index) {
      boolean last = index == sampler.timesteps().length - 1;
      FloatBuffer kept = (last ? original : sampler.addNoise(original, noise, index + 1)).floats();
      FloatBuffer drawn = latents.floats();
      FloatBuffer where = mask.floats();
      Tensor result = Tensor.allocate(DType.FLOAT32, latents.shape());
      FloatBuffer out = result.floats();
      int plane = where.capacity();
      for (int i = 0; i < out.capacity(); i++) {
        out.put(i, where.get(i % plane) != 0 ? drawn.get(i) : kept.get(i));
      }
      return result;
    }
  }
}
