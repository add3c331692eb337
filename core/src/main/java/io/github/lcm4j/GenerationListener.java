package io.github.lcm4j;

import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.time.Duration;

/** Told after each denoising step, on the generating thread. */
@FunctionalInterface
public interface GenerationListener {
  /** Does nothing. */
  GenerationListener NONE = step -> {};

  /**
   * A step is done. An exception thrown here ends the generation and reaches its caller.
   *
   * @param step what was done
   */
  void onStep(Step step);

  /**
   * A finished step.
   *
   * @param step number of the step, from 1
   * @param total number of steps of the run
   * @param timestep the timestep the model was evaluated at
   * @param latents latents after the step, float32 {@code [count, channels, height, width]}
   * @param denoised what the model takes the clean latents to be, of the same shape
   * @param width width of the finished picture in pixels
   * @param height height of the finished picture in pixels
   * @param elapsed time since the run began
   * @param previewer draws latents of this model cheaply
   */
  record Step(
      int step,
      int total,
      double timestep,
      Tensor latents,
      Tensor denoised,
      int width,
      int height,
      Duration elapsed,
      LatentPreview previewer) {
    /**
     * A cheap picture of what is being drawn, made when this is called.
     *
     * @param index number of the picture within its request, from 0
     */
    public BufferedImage preview(int index) {
      return previewer.render(denoised.rows(index, index + 1));
    }
  }
}
