package io.github.lcm4j;

import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.spi.ControlNet;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.FloatBuffer;
import org.jspecify.annotations.Nullable;

/** One run's loop body: scale, predict, guide, step. */
final class Denoiser {
  private final Unet unet;
  private final Sampler sampler;
  private final Conditioning conditioning;
  private final float guidanceScale;
  private final boolean guided;
  private final double[] timesteps;
  private final @Nullable Tensor timestepCond;
  private final StartingPoint start;
  private final Controls controls;
  private final Adapters adapters;

  Denoiser(
      Unet unet,
      Sampler sampler,
      Conditioning conditioning,
      double guidanceScale,
      boolean guided,
      StartingPoint start,
      Controls controls,
      Adapters adapters) {
    this.unet = unet;
    this.sampler = sampler;
    this.conditioning = conditioning;
    this.guidanceScale = (float) guidanceScale;
    this.guided = guided;
    this.start = start;
    this.controls = controls;
    this.adapters = adapters;
    this.timesteps = sampler.timesteps();
    this.timestepCond =
        unet.timeCondProjDim() == 0
            ? null
            : guidanceScaleEmbedding(
                guidanceScale - 1,
                unet.timeCondProjDim(),
                (int) conditioning.encoderHiddenStates().dimension(0));
  }

  /** Takes the step at an index of the sampler's timesteps. */
  Sampler.Step step(Tensor latents, int index, TorchRandom random) {
    double timestep = timesteps[index];
    Tensor sample = sampler.scaleModelInput(latents, index);
    if (guided) {
      sample = Tensors.repeat(sample, 2);
    }
    ControlNet.Residuals residuals =
        controls.predict(
            sample,
            timestep,
            conditioning,
            index - start.index(),
            timesteps.length - start.index());
    Inpainting inpainting = start.inpainting();
    Tensor prediction =
        unet.predict(
            new Unet.Input(
                inpainting == null ? sample : inpainting.modelInput(sample),
                timestep,
                conditioning.encoderHiddenStates(),
                timestepCond,
                conditioning.textEmbeds(),
                conditioning.timeIds(),
                residuals,
                adapters.at(index - start.index(), timesteps.length - start.index()),
                index == timesteps.length - 1));
    if (guided) {
      prediction = guide(prediction);
    }
    Sampler.Step step = sampler.step(prediction, index, latents, random);
    return inpainting == null
        ? step
        : new Sampler.Step(
            inpainting.afterStep(step.prevSample(), sampler, index), step.predOriginalSample());
  }

  /** Classifier-free guidance (Ho and Salimans 2022): ε = ε_uncond + s·(ε_cond − ε_uncond). */
  private Tensor guide(Tensor prediction) {
    int rows = (int) prediction.dimension(0) / 2;
    FloatBuffer unconditioned = prediction.rows(0, rows).floats();
    FloatBuffer conditioned = prediction.rows(rows, 2 * rows).floats();
    Tensor result = Tensor.allocate(DType.FLOAT32, prediction.rows(0, rows).shape());
    FloatBuffer out = result.floats();
    for (int i = 0; i < out.capacity(); i++) {
      float base = unconditioned.get(i);
      out.put(i, base + guidanceScale * (conditioned.get(i) - base));
    }
    return result;
  }

  /**
   * The sinusoidal embedding of w = guidance scale − 1 that a full LCM is conditioned on: the
   * scheme of Vaswani et al. 2017 at position 1000·w, sines before cosines (LCM, Luo et al. 2023).
   */
  private static Tensor guidanceScaleEmbedding(double w, int width, int batch) {
    int half = width / 2;
    float step = (float) Math.log(10000.0) / (half - 1);
    float position = (float) w * 1000f;
    float[] values = new float[batch * width];
    for (int row = 0; row < batch; row++) {
      for (int i = 0; i < half; i++) {
        // Rounded as diffusers rounds: times a thousand, the last bit shows.
        float angle = position * (float) Math.exp(i * -step);
        values[row * width + i] = (float) Math.sin(angle);
        values[row * width + half + i] = (float) Math.cos(angle);
      }
    }
    return Tensor.of(values, batch, width);
  }
}
