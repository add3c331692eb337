package io.github.lcm4j;

import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * A picture and how it came about.
 *
 * @param image the picture, {@link BufferedImage#TYPE_INT_RGB}
 * @param request what was asked for, with the width and height that were used
 * @param index number of this picture within its request, from 0
 * @param scheduler name of the scheduler, for instance {@code LCMScheduler}
 * @param latents the final latents, float32 {@code [1, channels, height, width]}, before the VAE's
 *     scaling factor is taken out
 * @param timings how long the parts of the request took
 * @param notes a sentence for each thing that did not go as it was asked for: that the VAE
 *     overflowed in half precision and was run again in float32; usually empty
 */
public record GeneratedImage(
    BufferedImage image,
    ImageRequest request,
    int index,
    String scheduler,
    Tensor latents,
    Timings timings,
    List<String> notes) {
  /** Copies the list. */
  public GeneratedImage {
    notes = List.copyOf(notes);
  }

  /**
   * The generation parameters in the text form that picture tools read from the PNG chunk {@code
   * parameters}.
   */
  public String parameters() {
    StringBuilder text = new StringBuilder(request.prompt());
    if (request.negativePrompt() != null) {
      text.append("\nNegative prompt: ").append(request.negativePrompt());
    }
    text.append("\nSteps: ").append(request.steps());
    text.append(", Sampler: ").append(scheduler);
    text.append(", CFG scale: ").append(request.guidanceScale());
    text.append(", Seed: ").append(request.seed());
    if (request.count() > 1) {
      text.append(", Batch size: ").append(request.count());
      text.append(", Batch pos: ").append(index);
    }
    if (request.promptOptions().clipSkip() > 0) {
      // Web UIs, which read this text, count the last layer as 1.
      text.append(", Clip skip: ").append(request.promptOptions().clipSkip() + 1);
    }
    InitImage init = request.initImage();
    if (init != null) {
      text.append(", Denoising strength: ").append(init.strength());
      if (init.mask() != null && init.mask().blur() > 0) {
        text.append(", Mask blur: ").append(init.mask().blur());
      }
    }
    text.append(", Size: ").append(image.getWidth()).append('x').append(image.getHeight());
    return text.append(", Version: lcm4j").toString();
  }

  /** The picture as PNG, with {@link #parameters()} in a text chunk. */
  public byte[] png() {
    return PngImages.encode(image, parameters());
  }

  /**
   * Writes the picture as PNG. The file appears whole or not at all: it is written beside its place
   * and then moved; an existing file is replaced.
   *
   * @param file where to write
   * @throws IOException if it cannot be written; nothing is left behind
   */
  public void write(Path file) throws IOException {
    PngImages.write(file, png());
  }
}
