package io.github.lcm4j;

import io.github.lcm4j.spi.VaeDecoder;
import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;

/** Latents to pictures: undoes the latents' scaling, decodes and rounds to 8 bits. */
final class LatentDecoder {
  private final LatentSpace space;
  private final VaeDecoder decoder;

  LatentDecoder(LatentSpace space, VaeDecoder decoder) {
    this.space = space;
    this.decoder = decoder;
  }

  /** One picture at a time: the VAE's memory grows with its batch, its speed does not. */
  List<BufferedImage> decode(Tensor latents) {
    if (!Upcasting.isFinite(latents)) {
      throw new InferenceException(
          "the denoised latents hold values that are not finite; where the UNet computes in half precision"
              + " it may overflow, which ends with float32");
    }
    List<BufferedImage> images = new ArrayList<>();
    for (int i = 0; i < latents.dimension(0); i++) {
      images.add(toImage(decoder.decode(space.toVae(latents.rows(i, i + 1)))));
    }
    return images;
  }

  static BufferedImage toImage(Tensor picture) {
    int height = (int) picture.dimension(2);
    int width = (int) picture.dimension(3);
    FloatBuffer values = picture.floats();
    byte[][] planes = new byte[3][width * height];
    for (byte[] plane : planes) {
      for (int i = 0; i < plane.length; i++) {
        plane[i] = toByte(values.get());
      }
    }
    return Pixels.toImage(planes, width, height);
  }

  /** −1…1 to 0…255, to the nearest and half to even, as NumPy rounds. */
  private static byte toByte(float value) {
    if (!Float.isFinite(value)) {
      throw new InferenceException(
          "the VAE gave a value that is not finite (%s): either the latents are far out of range, or it"
                  .formatted(value)
              + " computes in half precision and overflows; the latter ends with a float32 VAE");
    }
    float unit = Math.min(1f, Math.max(0f, value / 2 + 0.5f));
    return (byte) Math.rint(unit * 255f);
  }
}
