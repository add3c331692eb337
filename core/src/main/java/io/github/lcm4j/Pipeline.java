package io.github.lcm4j;

import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;

/**
 * Text to pictures: a checkpoint with its LoRAs folded in, and a scheduler.
 *
 * <pre>{@code
 * try (Pipeline pipeline = Pipeline.builder()
 *     .checkpoint(Path.of("stable-diffusion-v1-5"))
 *     .lora(Path.of("lcm-lora-sdv1-5.safetensors"))
 *     .scheduler(LCMScheduler::new)
 *     .build()) {
 *   pipeline.generate(ImageRequest.of("a red apple").seed(42)).get(0).write(Path.of("apple.png"));
 * }
 * }</pre>
 *
 * <p>Safe for use by several threads; each gets the pictures it would get alone. {@link #close}
 * waits for running generations.
 */
public final class Pipeline implements AutoCloseable {
  private final DiffusionModel model;
  private final Scheduler scheduler;
  private final PromptEncoder promptEncoder;
  private final LatentSpace space;
  private final LatentDecoder latentDecoder;
  private final ReadWriteLock lifetime = new ReentrantReadWriteLock();
  private boolean closed;

  private Pipeline(
      DiffusionModel model, Scheduler scheduler, PromptEncoder promptEncoder, LatentSpace space) {
    this.model = model;
    this.scheduler = scheduler;
    this.promptEncoder = promptEncoder;
    this.space = space;
    this.latentDecoder = new LatentDecoder(space, model.vaeDecoder());
  }

  static Pipeline create(
      Checkpoint checkpoint,
      DiffusionModel model,
      Scheduler scheduler,
      TextualInversions inversions)
      throws IOException {
    return new Pipeline(
        model,
        scheduler,
        PromptEncoder.create(checkpoint, model, inversions),
        LatentSpace.of(checkpoint, model));
  }

  /** Starts a pipeline. */
  public static PipelineBuilder builder() {
    return new PipelineBuilder();
  }

  /**
   * Draws pictures.
   *
   * @param request what to draw
   * @return {@code request.count()} pictures
   * @throws IllegalArgumentException if the request does not fit the model or the scheduler
   * @throws InferenceException if a network fails or yields numbers that are no picture
   * @throws IllegalStateException if the pipeline is closed
   */
  public List<GeneratedImage> generate(ImageRequest request) {
    return generate(request, GenerationListener.NONE, new Cancellation());
  }

  /**
   * Draws pictures, telling of each step.
   *
   * @param request what to draw
   * @param listener told after each step
   * @param cancellation ends the generation from another thread
   * @return {@code request.count()} pictures
   * @throws CancellationException if it was cancelled or the thread interrupted
   * @throws IllegalArgumentException if the request does not fit the model or the scheduler
   * @throws InferenceException if a network fails or yields numbers that are no picture
   * @throws IllegalStateException if the pipeline is closed
   */
  public List<GeneratedImage> generate(
      ImageRequest request, GenerationListener listener, Cancellation cancellation) {
    lifetime.readLock().lock();
    try {
      if (closed) {
        throw new IllegalStateException("the pipeline is closed");
      }
      return run(sized(request), listener, cancellation);
    } finally {
      lifetime.readLock().unlock();
    }
  }

  private List<GeneratedImage> run(
      ImageRequest request, GenerationListener listener, Cancellation cancellation) {
    StrengthMode mode = strengthMode(request.initImage());
    Sampler sampler = scheduler.sampler(request.plan(planStrength(request.initImage(), mode)));
    Unet unet = model.unet();
    // A full LCM takes the scale as an embedding; it was distilled to need no second evaluation.
    boolean guided = request.guidanceScale() > 1 && unet.timeCondProjDim() == 0;

    long begun = System.nanoTime();
    checkCancelled(cancellation);
    Conditioning conditioning = promptEncoder.encode(request, guided, model.textEncoders());
    long encoded = System.nanoTime();

    TorchRandom random = new TorchRandom(request.seed());
    StartingPoint start = new Starter(space, model).start(request, sampler, mode, random);
    long started = System.nanoTime();

    Denoiser denoiser =
        new Denoiser(
            unet, sampler, conditioning, request.guidanceScale(), guided, start.inpainting());
    double[] timesteps = sampler.timesteps();
    int total = timesteps.length - start.index();
    Tensor latents = start.latents();
    for (int i = start.index(); i < timesteps.length; i++) {
      checkCancelled(cancellation);
      Sampler.Step step = denoiser.step(latents, i, random);
      // LCM's own pipeline ends with the clean estimate, whether noise was added to it or not.
      boolean clean =
          mode == StrengthMode.LCM && start.inpainting() == null && i == timesteps.length - 1;
      latents = clean ? step.predOriginalSample() : step.prevSample();
      listener.onStep(
          new GenerationListener.Step(
              i + 1 - start.index(), total, timesteps[i], latents, since(started)));
    }
    long denoised = System.nanoTime();

    checkCancelled(cancellation);
    List<BufferedImage> pictures = finished(request, latentDecoder.decode(latents));
    Timings timings =
        new Timings(
            Duration.ofNanos(encoded - begun),
            Duration.ofNanos(started - encoded),
            Duration.ofNanos(denoised - started),
            since(denoised),
            total * (guided ? 2 : 1));
    List<GeneratedImage> images = new ArrayList<>(pictures.size());
    for (int i = 0; i < pictures.size(); i++) {
      images.add(
          new GeneratedImage(
              pictures.get(i), request, i, scheduler.name(), latents.rows(i, i + 1), timings));
    }
    return images;
  }

  /** The pictures, with the original's pixels outside the mask where asked for. */
  private static List<BufferedImage> finished(ImageRequest request, List<BufferedImage> pictures) {
    InitImage init = request.initImage();
    if (init == null || init.mask() == null || !init.mask().keepUnmasked()) {
      return pictures;
    }
    MaskPixels mask = MaskPixels.of(init.mask());
    return pictures.stream().map(picture -> mask.mix(init.image(), picture)).toList();
  }

  /** What diffusers' own pipeline for the model does, where the request does not say. */
  private StrengthMode strengthMode(@Nullable InitImage init) {
    if (init == null) {
      return StrengthMode.CUT_SCHEDULE;
    }
    StrengthMode wanted = init.strengthMode();
    if (wanted == StrengthMode.LCM && !scheduler.readsStrength()) {
      throw new IllegalArgumentException(
          "%s cannot spread its steps by strength (StrengthMode.LCM); use LCMScheduler or"
                  .formatted(scheduler.name())
              + " StrengthMode.CUT_SCHEDULE");
    }
    if (wanted != null) {
      return wanted;
    }
    boolean fullLcm = model.unet().timeCondProjDim() > 0;
    return fullLcm && scheduler.readsStrength() && init.mask() == null
        ? StrengthMode.LCM
        : StrengthMode.CUT_SCHEDULE;
  }

  private static double planStrength(@Nullable InitImage init, StrengthMode mode) {
    return init != null && mode == StrengthMode.LCM ? init.strength() : 1;
  }

  /** The request with the size filled in and checked. */
  private ImageRequest sized(ImageRequest request) {
    InitImage init = request.initImage();
    int ownWidth = init == null ? space.defaultWidth() : init.image().getWidth();
    int ownHeight = init == null ? space.defaultHeight() : init.image().getHeight();
    int width = request.width() == 0 ? ownWidth : request.width();
    int height = request.height() == 0 ? ownHeight : request.height();
    if (init != null && (width != ownWidth || height != ownHeight)) {
      throw new IllegalArgumentException(
          "the initial image is %d×%d, the request is for %d×%d; resize the image first or leave the"
                  .formatted(ownWidth, ownHeight, width, height)
              + " request's size out");
    }
    if (space.isForInpainting(model.unet()) && (init == null || init.mask() == null)) {
      throw new IllegalArgumentException(
          "this is an inpainting checkpoint; it needs an initial image with a mask");
    }
    int factor = space.scaleFactor();
    if (width % factor != 0 || height % factor != 0) {
      throw new IllegalArgumentException(
          "size %d×%d must be a multiple of %d in both directions, for instance %d×%d%s"
              .formatted(
                  width,
                  height,
                  factor,
                  roundToMultiple(width, factor),
                  roundToMultiple(height, factor),
                  init == null ? "" : "; resize the initial image"));
    }
    return request.size(width, height);
  }

  private static int roundToMultiple(int value, int factor) {
    return Math.max(factor, Math.round((float) value / factor) * factor);
  }

  private static void checkCancelled(Cancellation cancellation) {
    if (cancellation.isCancelled()) {
      throw new CancellationException("the generation was cancelled");
    }
    if (Thread.currentThread().isInterrupted()) {
      throw new CancellationException("the generating thread was interrupted");
    }
  }

  private static Duration since(long nanos) {
    return Duration.ofNanos(System.nanoTime() - nanos);
  }

  /**
   * The same base with other LoRAs, each folded into the pristine base. What they leave untouched
   * (mapped weights, sessions of unchanged parts) is shared; the two pipelines may be closed in any
   * order.
   *
   * @param loras LoRA files in order; none for the bare base
   * @return a pipeline that the caller must close
   * @throws IOException if a LoRA file is missing, damaged or does not fit
   * @throws IllegalStateException if the pipeline is closed
   */
  public Pipeline withLoras(List<LoraSpec> loras) throws IOException {
    lifetime.readLock().lock();
    try {
      if (closed) {
        throw new IllegalStateException("the pipeline is closed");
      }
      return new Pipeline(model.withLoras(loras), scheduler, promptEncoder, space);
    } finally {
      lifetime.readLock().unlock();
    }
  }

  /** The scheduler. */
  public Scheduler scheduler() {
    return scheduler;
  }

  /** One line a LoRA file: what it changed and what was ignored. */
  public List<String> loraReports() {
    return model.loraReports();
  }

  /** Frees the networks, after running generations have ended. Closing twice does nothing. */
  @Override
  public void close() {
    lifetime.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        model.close();
      }
    } finally {
      lifetime.writeLock().unlock();
    }
  }
}
