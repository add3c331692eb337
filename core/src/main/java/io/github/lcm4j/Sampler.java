package io.github.lcm4j;

import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;

/**
 * The state of one denoising run. Not thread-safe. All tensors are float32 of the latents' shape
 * {@code [batch, channels, height, width]}; arguments are never changed, results are new tensors.
 */
public interface Sampler {
  /**
   * The timestep of each model evaluation, in the order of use. One entry a model call, so a
   * second-order method has more entries than the plan has steps.
   */
  double[] timesteps();

  /** Model evaluations one step takes where diffusers counts in steps (Heun: 2); else 1. */
  default int order() {
    return 1;
  }

  /** What standard normal noise is multiplied with to start a run from pure noise. */
  double initNoiseSigma();

  /**
   * Scales the latents to what the model expects at an evaluation.
   *
   * @param sample the current latents
   * @param index index into {@link #timesteps()}
   * @return the model's input; {@code sample} itself where nothing is to be scaled
   */
  Tensor scaleModelInput(Tensor sample, int index);

  /**
   * One step of the reverse process.
   *
   * @param modelOutput the model's prediction for the scaled sample
   * @param index index into {@link #timesteps()}; a run starts anywhere and then goes up by one
   * @param sample the latents before the step, not scaled
   * @param random source of the step's noise, drawn from only if the method is stochastic
   * @return the latents after the step and the model's estimate of the clean latents
   */
  Step step(Tensor modelOutput, int index, Tensor sample, TorchRandom random);

  /**
   * The forward process: clean latents noised to the level of an evaluation.
   *
   * @param original clean latents
   * @param noise standard normal noise of the same shape
   * @param index index into {@link #timesteps()}
   * @return noised latents
   */
  Tensor addNoise(Tensor original, Tensor noise, int index);

  /**
   * What a step yields.
   *
   * @param prevSample latents for the next step
   * @param predOriginalSample the current estimate of the clean latents
   */
  record Step(Tensor prevSample, Tensor predOriginalSample) {}
}
