package io.github.lcm4j;

import io.github.lcm4j.tensor.Tensor;
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
   * @param elapsed time since the run began
   */
  record Step(int step, int total, double timestep, Tensor latents, Duration elapsed) {}
}
