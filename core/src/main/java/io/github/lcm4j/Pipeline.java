package io.github.lcm4j;

import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

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
  private final Checkpoint checkpoint;
  private final DiffusionModel model;
  private final Scheduler scheduler;
  private final PromptEncoder promptEncoder;
  private final LatentDecoder latentDecoder;
  private final ReadWriteLock lifetime = new ReentrantReadWriteLock();
  private boolean closed;

  Pipeline(Checkpoint checkpoint, DiffusionModel model, Scheduler scheduler) throws IOException {
    this.checkpoint = checkpoint;
    this.model = model;
    this.scheduler = scheduler;
    this.promptEncoder = PromptEncoder.create(checkpoint, model);
    this.latentDecoder = LatentDecoder.create(checkpoint, model);
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
    Sampler sampler = scheduler.sampler(request.plan());
    Unet unet = model.unet();
    // A full LCM takes the scale as an embedding; it was distilled to need no second evaluation.
    boolean guided = request.guidanceScale() > 1 && unet.timeCondProjDim() == 0;

    long start = System.nanoTime();
    checkCancelled(cancellation);
    Conditioning conditioning = promptEncoder.encode(request, guided);
    long encoded = System.nanoTime();

    TorchRandom random = new TorchRandom(request.seed());
    Tensor latents = initialLatents(request, sampler, random);
    Denoiser denoiser = new Denoiser(unet, sampler, conditioning, request.guidanceScale(), guided);
    double[] timesteps = sampler.timesteps();
    for (int i = 0; i < timesteps.length; i++) {
      checkCancelled(cancellation);
      latents = denoiser.step(latents, i, random);
      listener.onStep(
          new GenerationListener.Step(
              i + 1, timesteps.length, timesteps[i], latents, since(encoded)));
    }
    long denoised = System.nanoTime();

    checkCancelled(cancellation);
    List<java.awt.image.BufferedImage> pictures = latentDecoder.decode(latents);
    Timings timings =
        new Timings(
            Duration.ofNanos(encoded - start),
            Duration.ofNanos(denoised - encoded),
            since(denoised),
            timesteps.length * (guided ? 2 : 1));
    List<GeneratedImage> images = new ArrayList<>(pictures.size());
    for (int i = 0; i < pictures.size(); i++) {
      images.add(
          new GeneratedImage(
              pictures.get(i), request, i, scheduler.name(), latents.rows(i, i + 1), timings));
    }
    return images;
  }

  private Tensor initialLatents(ImageRequest request, Sampler sampler, TorchRandom random) {
    int factor = latentDecoder.scaleFactor();
    Tensor latents =
        random.randn(
            request.count(),
            latentDecoder.latentChannels(),
            request.height() / factor,
            request.width() / factor);
    return Denoiser.scale(latents, (float) sampler.initNoiseSigma());
  }

  /** The request with the size filled in and checked. */
  private ImageRequest sized(ImageRequest request) {
    int factor = latentDecoder.scaleFactor();
    int width = request.width();
    int height = request.height();
    if (width == 0 || height == 0) {
      width = width == 0 ? latentDecoder.defaultWidth() : width;
      height = height == 0 ? latentDecoder.defaultHeight() : height;
    }
    if (width % factor != 0 || height % factor != 0) {
      throw new IllegalArgumentException(
          "size %d×%d must be a multiple of %d in both directions, for instance %d×%d"
              .formatted(
                  width,
                  height,
                  factor,
                  roundToMultiple(width, factor),
                  roundToMultiple(height, factor)));
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
      DiffusionModel other = model.withLoras(loras);
      try {
        return new Pipeline(checkpoint, other, scheduler);
      } catch (Throwable e) {
        other.close();
        throw e;
      }
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
