package io.github.lcm4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferInt;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;

/** Latents to pictures: undoes the VAE's scaling, decodes and rounds to 8 bits. */
final class LatentDecoder {
  private final DiffusionModel model;
  private final int latentChannels;
  private final float[] mean;
  private final float[] deviation;
  private final int defaultWidth;
  private final int defaultHeight;

  private LatentDecoder(
      DiffusionModel model,
      int latentChannels,
      float[] mean,
      float[] deviation,
      int defaultWidth,
      int defaultHeight) {
    this.model = model;
    this.latentChannels = latentChannels;
    this.mean = mean;
    this.deviation = deviation;
    this.defaultWidth = defaultWidth;
    this.defaultHeight = defaultHeight;
  }

  static LatentDecoder create(Checkpoint checkpoint, DiffusionModel model)
      throws CheckpointException {
    Component vae =
        checkpoint.components().containsKey("vae_decoder")
            ? checkpoint.require("vae_decoder")
            : checkpoint.require("vae");
    int channels = vae.intOr("latent_channels", 4);
    float scaling = (float) vae.doubleOr("scaling_factor", 0.18215);
    float[] mean = new float[channels];
    float[] deviation = new float[channels];
    java.util.Arrays.fill(deviation, 1 / scaling);
    JsonNode means = vae.config().path("latents_mean");
    JsonNode deviations = vae.config().path("latents_std");
    if (model.unet().usesTextTime() && means.isArray() && deviations.isArray()) {
      for (int i = 0; i < channels; i++) {
        mean[i] = (float) means.path(i).asDouble();
        deviation[i] = (float) deviations.path(i).asDouble() / scaling;
      }
    }
    int factor = model.vaeDecoder().scaleFactor();
    JsonNode sampleSize = checkpoint.require("unet").config().path("sample_size");
    int height = sampleSize.isArray() ? sampleSize.path(0).asInt() : sampleSize.asInt(64);
    int width = sampleSize.isArray() ? sampleSize.path(1).asInt() : sampleSize.asInt(64);
    return new LatentDecoder(model, channels, mean, deviation, width * factor, height * factor);
  }

  int scaleFactor() {
    return model.vaeDecoder().scaleFactor();
  }

  int latentChannels() {
    return latentChannels;
  }

  int defaultWidth() {
    return defaultWidth;
  }

  int defaultHeight() {
    return defaultHeight;
  }

  /** One picture at a time: the VAE's memory grows with its batch, its speed does not. */
  List<BufferedImage> decode(Tensor latents) {
    List<BufferedImage> images = new ArrayList<>();
    for (int i = 0; i < latents.dimension(0); i++) {
      images.add(toImage(model.vaeDecoder().decode(unscale(latents.rows(i, i + 1)))));
    }
    return images;
  }

  private Tensor unscale(Tensor latents) {
    FloatBuffer in = latents.floats();
    Tensor result = Tensor.allocate(DType.FLOAT32, latents.shape());
    FloatBuffer out = result.floats();
    int plane = out.capacity() / latentChannels;
    for (int i = 0; i < out.capacity(); i++) {
      int channel = i / plane;
      out.put(i, in.get(i) * deviation[channel] + mean[channel]);
    }
    return result;
  }

  private static BufferedImage toImage(Tensor picture) {
    int height = (int) picture.dimension(2);
    int width = (int) picture.dimension(3);
    int plane = height * width;
    FloatBuffer values = picture.floats();
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    int[] pixels = ((DataBufferInt) image.getRaster().getDataBuffer()).getData();
    for (int i = 0; i < plane; i++) {
      pixels[i] =
          toByte(values.get(i)) << 16
              | toByte(values.get(plane + i)) << 8
              | toByte(values.get(2 * plane + i));
    }
    return image;
  }

  /** −1…1 to 0…255, to the nearest and half to even, as NumPy rounds. */
  private static int toByte(float value) {
    if (!Float.isFinite(value)) {
      throw new InferenceException(
          "the VAE gave a value that is not finite (%s); the latents have left their range"
              .formatted(value));
    }
    float unit = Math.min(1f, Math.max(0f, value / 2 + 0.5f));
    return (int) Math.rint(unit * 255f);
  }
}
