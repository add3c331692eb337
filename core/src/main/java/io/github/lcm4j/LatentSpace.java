package io.github.lcm4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * The latents a UNet works on, and how they differ from those of the VAE: normalised to about unit
 * deviation, by {@code scaling_factor} and for some SDXL models a mean and deviation a channel.
 *
 * @param channels channels of the latents
 * @param scaleFactor picture pixels a latent cell stands for, per side
 * @param mean the VAE's mean, by channel
 * @param deviation the VAE's deviation, by channel
 * @param defaultWidth width in pixels that the model was made for
 * @param defaultHeight height in pixels that the model was made for
 * @param vaeSize width and height in pixels that the VAE was trained on
 */
record LatentSpace(
    int channels,
    int scaleFactor,
    float[] mean,
    float[] deviation,
    int defaultWidth,
    int defaultHeight,
    int vaeSize) {

  private static final int DEFAULT_SIZE = 64;
  private static final int DEFAULT_VAE_SIZE = 512;

  static LatentSpace of(Checkpoint checkpoint, DiffusionModel model) throws CheckpointException {
    Component vae =
        checkpoint.components().containsKey("vae_decoder")
            ? checkpoint.require("vae_decoder")
            : checkpoint.require("vae");
    int channels = vae.intOr("latent_channels", 4);
    float scaling = (float) vae.doubleOr("scaling_factor", 0.18215);
    float[] mean = new float[channels];
    float[] deviation = new float[channels];
    Arrays.fill(deviation, 1 / scaling);
    JsonNode means = vae.config().path("latents_mean");
    JsonNode deviations = vae.config().path("latents_std");
    if (model.unet().usesTextTime() && means.isArray() && deviations.isArray()) {
      for (int i = 0; i < channels; i++) {
        mean[i] = (float) means.path(i).asDouble();
        deviation[i] = (float) deviations.path(i).asDouble() / scaling;
      }
    }
    int inChannels = model.unet().inChannels();
    if (inChannels != channels && inChannels != 2 * channels + 1) {
      throw new CheckpointException(
          "%s: the UNet takes %d channels; expected the VAE's %d, or %d for inpainting"
              .formatted(checkpoint.folder(), inChannels, channels, 2 * channels + 1));
    }
    int factor = model.vaeDecoder().scaleFactor();
    List<Integer> size = sampleSize(checkpoint.require("unet"), DEFAULT_SIZE);
    int height = size.get(0);
    int width = size.get(size.size() - 1);
    return new LatentSpace(
        channels,
        factor,
        mean,
        deviation,
        width * factor,
        height * factor,
        sampleSize(vae, DEFAULT_VAE_SIZE).get(0));
  }

  /** One size for both directions, or height and width. */
  private static List<Integer> sampleSize(Component component, int otherwise) {
    return component.config().path("sample_size").isArray()
        ? component.intsOr("sample_size", List.of())
        : List.of(component.intOr("sample_size", otherwise));
  }

  /**
   * Whether a UNet is made for inpainting: it takes the mask and the latents of the masked picture
   * beside its own.
   */
  boolean isForInpainting(Unet unet) {
    return unet.inChannels() == 2 * channels + 1;
  }

  /** The shape of the latents of some pictures. */
  long[] shape(int count, int width, int height) {
    return new long[] {count, channels, height / scaleFactor, width / scaleFactor};
  }

  /** The UNet's latents as the VAE takes them. */
  Tensor toVae(Tensor latents) {
    return map(latents, (value, channel) -> value * deviation[channel] + mean[channel]);
  }

  /** The VAE's latents as the UNet takes them. */
  Tensor fromVae(Tensor latents) {
    return map(latents, (value, channel) -> (value - mean[channel]) / deviation[channel]);
  }

  private interface Change {
    float apply(float value, int channel);
  }

  private Tensor map(Tensor latents, Change change) {
    FloatBuffer in = latents.floats();
    Tensor result = Tensor.allocate(DType.FLOAT32, latents.shape());
    FloatBuffer out = result.floats();
    int plane = (int) (latents.dimension(2) * latents.dimension(3));
    for (int i = 0; i < out.capacity(); i++) {
      out.put(i, change.apply(in.get(i), i / plane % channels));
    }
    return result;
  }
}
