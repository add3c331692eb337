package io.github.lcm4j;

import io.github.lcm4j.spi.DiffusionModel;
import java.io.IOException;
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
  private final DiffusionModel model;
  private final PipelineParts parts;
  private final Generation generation;
  private final ReadWriteLock lifetime = new ReentrantReadWriteLock();
  private boolean closed;

  Pipeline(DiffusionModel model, PipelineParts parts) {
    this.model = model;
    this.parts = parts;
    this.generation = new Generation(model, parts);
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
      return generation.run(request, listener, cancellation);
    } finally {
      lifetime.readLock().unlock();
    }
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
      return new Pipeline(model.withLoras(loras), parts);
    } finally {
      lifetime.readLock().unlock();
    }
  }

  /** The scheduler. */
  public Scheduler scheduler() {
    return parts.scheduler();
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
