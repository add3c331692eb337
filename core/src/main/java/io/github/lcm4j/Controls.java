package io.github.lcm4j;

import io.github.lcm4j.spi.ControlNet;
import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The ControlNets of a run with their pictures, as diffusers' StableDiffusionControlNetPipeline:
 * what several of them give is added up.
 */
final class Controls {
  /** A ControlNet with its picture. */
  private record Control(ControlNet net, Tensor image, ControlImage settings) {
    /** Whether it steers a step, counted from 0. */
    boolean steers(int step, int total) {
      return (double) step / total >= settings.guidanceStart()
          && (double) (step + 1) / total <= settings.guidanceEnd();
    }
  }

  private final List<Control> controls = new ArrayList<>();

  /**
   * Pairs ControlNets with pictures.
   *
   * @param images one for each, or none at all
   * @throws IllegalArgumentException if there is another number of pictures, or one has colours
   *     where its ControlNet takes grey
   */
  Controls(List<ControlNet> nets, List<ControlImage> images) {
    if (!images.isEmpty() && images.size() != nets.size()) {
      throw new IllegalArgumentException(
          "the request has %d control images, the pipeline %d ControlNets; give one image for each"
              .formatted(images.size(), nets.size()));
    }
    for (int i = 0; i < images.size(); i++) {
      ControlImage image = images.get(i);
      controls.add(
          new Control(
              nets.get(i),
              pixels(
                  image.image(),
                  nets.get(i).conditioningChannels(),
                  "control image " + i,
                  "ControlNet"),
              image));
    }
  }

  /** A picture as a network with so many channels takes it, 0 to 1. */
  static Tensor pixels(BufferedImage image, int channels, String name, String network) {
    if (channels == 1 && !Pixels.isGray(image)) {
      throw new IllegalArgumentException(
          "%s has 3 channels, its %s takes 1; convert the image to grey".formatted(name, network));
    }
    byte[][] planes = channels == 1 ? new byte[][] {Pixels.gray(image)} : Pixels.rgb(image);
    return Pixels.toTensor(planes, image.getWidth(), image.getHeight(), false);
  }

  /**
   * What the ControlNets give at a step.
   *
   * @param sample the scaled latents of the whole batch
   * @param step number of the step within the run, from 0
   * @param total number of steps of the run
   * @return the sum, or null where none steers
   */
  ControlNet.@Nullable Residuals predict(
      Tensor sample, double timestep, Conditioning conditioning, int step, int total) {
    ControlNet.Residuals sum = null;
    for (Control control : controls) {
      if (!control.steers(step, total)) {
        continue;
      }
      ControlNet.Residuals residuals =
          control
              .net()
              .predict(
                  new ControlNet.Input(
                      sample,
                      timestep,
                      conditioning.encoderHiddenStates(),
                      conditioning.textEmbeds(),
                      conditioning.timeIds(),
                      control.image(),
                      control.settings().conditioningScale()));
      if (sum == null) {
        sum = residuals;
      } else {
        for (int i = 0; i < sum.downBlocks().size(); i++) {
          Tensors.addTo(sum.downBlocks().get(i), residuals.downBlocks().get(i));
        }
        Tensors.addTo(sum.midBlock(), residuals.midBlock());
      }
    }
    return sum;
  }
}
