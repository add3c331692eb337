package io.github.lcm4j;

import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
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
 * @param width picture width in pixels, a multiple of the VAE's factor; 0 for that of the given
 *     pictures, or else the model's own
 * @param height picture height in pixels, likewise
 * @param count pictures to draw in one go, ≥ 1, from one stream of noise
 * @param originalInferenceSteps LCM's number of distillation steps, or null for the scheduler's
 * @param timesteps explicit descending timesteps instead of {@code steps}, or null
 * @param eta DDIM's and TCD's noise weight, or null for the scheduler's default
 * @param promptOptions how prompts are read
 * @param initImage a picture to start from, with a mask for inpainting; null for text to image
 * @param controlImages a picture for each ControlNet of the pipeline, in their order; none for a
 *     run without them
 * @param adapterImages a picture for each T2I-Adapter of the pipeline, likewise
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
    @Nullable Double eta,
    PromptOptions promptOptions,
    @Nullable InitImage initImage,
    List<ControlImage> controlImages,
    List<AdapterImage> adapterImages) {

  /**
   * Checks what can be checked without a model.
   *
   * @throws IllegalArgumentException if a number is out of its range
   */
  public ImageRequest {
    Objects.requireNonNull(prompt, "prompt");
    Objects.requireNonNull(promptOptions, "promptOptions");
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
    controlImages = List.copyOf(controlImages);
    adapterImages = List.copyOf(adapterImages);
  }

  /**
   * A request for one picture in 4 steps without guidance, seed 0, in the model's own size.
   *
   * @param prompt what to draw
   */
  public static ImageRequest of(String prompt) {
    return new ImageRequest(
        prompt,
        null,
        4,
        1.0,
        0,
        0,
        0,
        1,
        null,
        null,
        null,
        PromptOptions.DEFAULT,
        null,
        List.of(),
        List.of());
  }

  /** A copy with another prompt. */
  public ImageRequest prompt(String value) {
    return with(draft -> draft.prompt = value);
  }

  /** A copy with another negative prompt. */
  public ImageRequest negativePrompt(@Nullable String value) {
    return with(draft -> draft.negativePrompt = value);
  }

  /** A copy with another number of steps. */
  public ImageRequest steps(int value) {
    return with(draft -> draft.steps = value);
  }

  /** A copy with another guidance scale. */
  public ImageRequest guidanceScale(double value) {
    return with(draft -> draft.guidanceScale = value);
  }

  /** A copy with another seed. */
  public ImageRequest seed(long value) {
    return with(draft -> draft.seed = value);
  }

  /** A copy with another size in pixels. */
  public ImageRequest size(int newWidth, int newHeight) {
    return with(
        draft -> {
          draft.width = newWidth;
          draft.height = newHeight;
        });
  }

  /** A copy for another number of pictures. */
  public ImageRequest count(int value) {
    return with(draft -> draft.count = value);
  }

  /** A copy with another number of distillation steps (LCM). */
  public ImageRequest originalInferenceSteps(@Nullable Integer value) {
    return with(draft -> draft.originalInferenceSteps = value);
  }

  /** A copy with explicit descending timesteps. */
  public ImageRequest timesteps(long... values) {
    return with(draft -> draft.timesteps = values);
  }

  /** A copy with another noise weight (DDIM, TCD). */
  public ImageRequest eta(@Nullable Double value) {
    return with(draft -> draft.eta = value);
  }

  /** A copy whose prompts are read otherwise. */
  public ImageRequest promptOptions(PromptOptions value) {
    return with(draft -> draft.promptOptions = value);
  }

  /** A copy that starts from a picture: image to image, or with a mask inpainting. */
  public ImageRequest initImage(@Nullable InitImage value) {
    return with(draft -> draft.initImage = value);
  }

  /** A copy steered by other pictures, one for each ControlNet of the pipeline. */
  public ImageRequest controlImages(ControlImage... values) {
    return with(draft -> draft.controlImages = List.of(values));
  }

  /** A copy steered by other pictures, one for each T2I-Adapter of the pipeline. */
  public ImageRequest adapterImages(AdapterImage... values) {
    return with(draft -> draft.adapterImages = List.of(values));
  }

  @Override
  public long @Nullable [] timesteps() {
    return timesteps == null ? null : timesteps.clone();
  }

  /** How to sample, with {@code strength} as the share of the schedule. */
  SamplingPlan plan(double strength) {
    return new SamplingPlan(steps, strength, originalInferenceSteps, timesteps, eta);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof ImageRequest that
        && prompt.equals(that.prompt)
        && Objects.equals(negativePrompt, that.negativePrompt)
        && plan(1).equals(that.plan(1))
        && guidanceScale == that.guidanceScale
        && seed == that.seed
        && width == that.width
        && height == that.height
        && count == that.count
        && promptOptions.equals(that.promptOptions)
        && Objects.equals(initImage, that.initImage)
        && controlImages.equals(that.controlImages)
        && adapterImages.equals(that.adapterImages);
  }

  @Override
  public int hashCode() {
    return Objects.hash(
        prompt,
        negativePrompt,
        plan(1),
        guidanceScale,
        seed,
        width,
        height,
        count,
        promptOptions,
        initImage);
  }

  private ImageRequest with(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return draft.finish();
  }

  /** A request while it is being changed. */
  private static final class Draft {
    private String prompt;
    private @Nullable String negativePrompt;
    private int steps;
    private double guidanceScale;
    private long seed;
    private int width;
    private int height;
    private int count;
    private @Nullable Integer originalInferenceSteps;
    private long @Nullable [] timesteps;
    private @Nullable Double eta;
    private PromptOptions promptOptions;
    private @Nullable InitImage initImage;
    private List<ControlImage> controlImages;
    private List<AdapterImage> adapterImages;

    Draft(ImageRequest request) {
      prompt = request.prompt;
      negativePrompt = request.negativePrompt;
      steps = request.steps;
      guidanceScale = request.guidanceScale;
      seed = request.seed;
      width = request.width;
      height = request.height;
      count = request.count;
      originalInferenceSteps = request.originalInferenceSteps;
      timesteps = request.timesteps;
      eta = request.eta;
      promptOptions = request.promptOptions;
      initImage = request.initImage;
      controlImages = request.controlImages;
      adapterImages = request.adapterImages;
    }

    ImageRequest finish() {
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
          eta,
          promptOptions,
          initImage,
          controlImages,
          adapterImages);
    }
  }
}
