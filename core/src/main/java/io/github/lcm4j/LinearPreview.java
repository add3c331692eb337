package io.github.lcm4j;

import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.nio.FloatBuffer;
import java.util.List;

/**
 * Latents as colours by a linear map of each cell: K. Turner's factors for Stable Diffusion 1.x and
 * 2.x (2022, "Decoding latents to RGB without upscaling"), T. A. Vass's for SDXL (2023, "Explaining
 * the SDXL latent space").
 *
 * @param factors by colour and channel, to 0…255
 * @param biases by colour
 */
record LinearPreview(float[][] factors, float[] biases) implements LatentPreview {
  private static final int CHANNELS = 4;

  /** What the scaling factor is where the latents are those of the published autoencoders. */
  private static final List<Float> SCALINGS = List.of(0.18215f, 0.13025f, 1f);

  private static final float[][] SDXL = {
    {60, -60, 25, -70}, {60, -5, 15, -50}, {60, 10, -5, -35},
  };

  /** To −1…1. */
  private static final float[][] SD = {
    {0.298f, 0.187f, -0.158f, -0.184f},
    {0.207f, 0.286f, 0.189f, -0.271f},
    {0.208f, 0.173f, 0.264f, -0.473f},
  };

  static LinearPreview sdxl() {
    return new LinearPreview(SDXL, new float[] {150, 140, 130});
  }

  static LinearPreview sd() {
    float half = 255 / 2f;
    float[][] factors = new float[SD.length][CHANNELS];
    for (int colour = 0; colour < factors.length; colour++) {
      for (int channel = 0; channel < CHANNELS; channel++) {
        factors[colour][channel] = SD[colour][channel] * half;
      }
    }
    return new LinearPreview(factors, new float[] {half, half, half});
  }

  /** Whether these are the latents of the published autoencoders, as far as that can be told. */
  boolean isFor(LatentSpace space) {
    return space.channels() == CHANNELS
        && SCALINGS.stream().anyMatch(scaling -> 1 / scaling == space.deviation()[0]);
  }

  @Override
  public BufferedImage render(Tensor latents) {
    int height = (int) latents.dimension(2);
    int width = (int) latents.dimension(3);
    int plane = height * width;
    FloatBuffer values = latents.floats();
    byte[][] rgb = new byte[factors.length][plane];
    for (int colour = 0; colour < rgb.length; colour++) {
      for (int i = 0; i < plane; i++) {
        float value = biases[colour];
        for (int channel = 0; channel < factors[colour].length; channel++) {
          value += factors[colour][channel] * values.get(channel * plane + i);
        }
        rgb[colour][i] = (byte) Math.round(Math.min(255, Math.max(0, value)));
      }
    }
    return Pixels.toImage(rgb, width, height);
  }
}
