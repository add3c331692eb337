package io.github.lcm4j;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What to draw. Immutable; each method with an argument gives a changed copy:
 *
 * <pre>{@code
 * ImageRequest.of("a red apple").negativePrompt("blurry").steps(4).guidanceScale(1.0).seed(42)
 * }</pre>
 *
 * @param prompt what to draw
 * @param negativePrompt what to stay away from, used where guidance is above 1; null for none (SDXL
 *     models may treat none otherwise than an empty text, as diffusers does)
 * @param steps number of inference steps, ≥ 1
 * @param guidanceScale classifier-free guidance scale, ≥ 0; at or below 1 there is no guidance and
 *     no second UNet evaluation. A full LCM takes it as an embedding instead
 * @param seed seed of the noise, as for {@code torch.Generator("cpu").manual_seed}
 * @param width picture width in pixels, a multiple of the VAE's factor; 0 for the model's own
 * @param height picture height in pixels, likewise
 * @param count pictures to draw in one go, ≥ 1, from one stream of noise
 * @param originalInferenceSteps LCM's number of distillation steps, or null for the scheduler's
 * @param timesteps explicit descending timesteps instead of {@code steps}, or null
 * @param eta DDIM's and TCD's noise weight, or null for the scheduler's default
 */
public record ImageRequest(
    String prompt,
    @Nullable String negativePrompt,
    int steps,
    double guidanceScale,
    long seed,
    int width,
    int height,
    int count,
    @Nullable Integer originalInferenceSteps,
    long @Nullable [] timesteps,
    @Nullable Double eta) {

  /**
   * Checks what can be checked without a model.
   *
   * @throws IllegalArgumentException if a number is out of its range
   */
  public ImageRequest {
    Objects.requireNonNull(prompt, "prompt");
    if (steps < 1) {
      throw new IllegalArgumentException("steps must be at least 1, found " + steps);
    }
    if (!(guidanceScale >= 0 && Double.isFinite(guidanceScale))) {
      throw new IllegalArgumentException(
          "guidanceScale must be a finite number of at least 0, found " + guidanceScale);
    }
    if (width < 0 || height < 0) {
      throw new IllegalArgumentException(
          "width and height must be positive, found %d×%d".formatted(width, height));
    }
    if (count < 1) {
      throw new IllegalArgumentException("count must be at least 1, found " + count);
    }
    if (timesteps != null) {
      timesteps = timesteps.clone();
    }
  }

  /**
   * A request for one picture in 4 steps without guidance, seed 0, in the model's own size.
   *
   * @param prompt what to draw
   */
  public static ImageRequest of(String prompt) {
    return new ImageRequest(prompt, null, 4, 1.0, 0, 0, 0, 1, null, null, null);
  }

  /** A copy with another prompt. */
  public ImageRequest prompt(String value) {
    return new ImageRequest(
        value,
        negativePrompt,
        steps,
        guidanceScale,
        seed,
        width,
        height,
        count,
        originalInferenceSteps,
        timesteps,
        eta);
  }

  /** A copy with another negative prompt. */
  public ImageRequest negativePrompt(@Nullable String value) {
    return new ImageRequest(
        prompt,
        value,
        steps,
        guidanceScale,
        seed,
        width,
        height,
        count,
        originalInferenceSteps,
        timesteps,
        eta);
  }

  /** A copy with another number of steps. */
  public ImageRequest steps(int value) {
    return new ImageRequest(
        prompt,
        negativePrompt,
        value,
        guidanceScale,
        seed,
        width,
        height,
        count,
        originalInferenceSteps,
        timesteps,
        eta);
  }

  /** A copy with another guidance scale. */
  public ImageRequest guidanceScale(double value) {
    return new ImageRequest(
        prompt,
        negativePrompt,
        steps,
        value,
        seed,
        width,
        height,
        count,
        originalInferenceSteps,
        timesteps,
        eta);
  }

  /** A copy with another seed. */
  public ImageRequest seed(long value) {
    return new ImageRequest(
        prompt,
        negativePrompt,
        steps,
        guidanceScale,
        value,
        width,
        height,
        count,
        originalInferenceSteps,
        timesteps,
        eta);
  }

  /** A copy with another size in pixels. */
  public ImageRequest size(int newWidth, int newHeight) {
    return new ImageRequest(
        prompt,
        negativePrompt,
        steps,
        guidanceScale,
        seed,
        newWidth,
        newHeight,
        count,
        originalInferenceSteps,
        timesteps,
        eta);
  }

  /** A copy for another number of pictures. */
  public ImageRequest count(int value) {
    return new ImageRequest(
        prompt,
        negativePrompt,
        steps,
        guidanceScale,
        seed,
        width,
        height,
        value,
        originalInferenceSteps,
        timesteps,
        eta);
  }

  /** A copy with another number of distillation steps (LCM). */
  public ImageRequest originalInferenceSteps(@Nullable Integer value) {
    return new ImageRequest(
        prompt,
        negativePrompt,
        steps,
        guidanceScale,
        seed,
        width,
        height,
        count,
        value,
        timesteps,
        eta);
  }

  /** A copy with explicit descending timesteps. */
  public ImageRequest timesteps(long... values) {
    return new ImageRequest(
        prompt,
        negativePrompt,
        steps,
        guidanceScale,
        seed,
        width,
        height,
        count,
        originalInferenceSteps,
        values,
        eta);
  }

  /** A copy with another noise weight (DDIM, TCD). */
  public ImageRequest eta(@Nullable Double value) {
    return new ImageRequest(
        prompt,
        negativePrompt,
        steps,
        guidanceScale,
        seed,
        width,
        height,
        count,
        originalInferenceSteps,
        timesteps,
        value);
  }

  @Override
  public long @Nullable [] timesteps() {
    return timesteps == null ? null : timesteps.clone();
  }

  SamplingPlan plan() {
    return new SamplingPlan(steps, 1.0, originalInferenceSteps, timesteps, eta);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof ImageRequest that
        && prompt.equals(that.prompt)
        && Objects.equals(negativePrompt, that.negativePrompt)
        && plan().equals(that.plan())
        && guidanceScale == that.guidanceScale
        && seed == that.seed
        && width == that.width
        && height == that.height
        && count == that.count;
  }

  @Override
  public int hashCode() {
    return Objects.hash(prompt, negativePrompt, plan(), guidanceScale, seed, width, height, count);
  }
}
