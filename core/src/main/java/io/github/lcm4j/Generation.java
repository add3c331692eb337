package io.github.lcm4j;

import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/** What happens between a request and its pictures. Safe for use by several threads. */
final class Generation {
  private final DiffusionModel model;
  private final Scheduler scheduler;
  private final PipelineParts parts;
  private final LatentPreview preview;
  private final EmbeddingCache embeddings = new EmbeddingCache();

  Generation(DiffusionModel model, PipelineParts parts) {
    this.model = model;
    this.scheduler = parts.scheduler();
    this.parts = parts;
    this.preview = parts.autoencoder(model, note -> {}).preview();
  }

  /**
   * Draws pictures; see {@link Pipeline#generate(ImageRequest, GenerationListener, Cancellation)}.
   */
  List<GeneratedImage> run(
      ImageRequest wanted, GenerationListener listener, Cancellation cancellation) {
    Unet unet = model.unet();
    Set<String> notes = new LinkedHashSet<>();
    Autoencoder autoencoder = parts.autoencoder(model, notes::add);
    ImageRequest request = RequestSize.fit(wanted, parts.space(), unet);
    Controls controls = new Controls(model.controlNets(), request.controlImages());
    Adapters adapters = new Adapters(model.t2iAdapters(), request.adapterImages());
    StrengthMode mode = strengthMode(request.initImage());
    Sampler sampler = scheduler.sampler(request.plan(planStrength(request.initImage(), mode)));
    // A full LCM takes the scale as an embedding; it was distilled to need no second evaluation.
    boolean guided = request.guidanceScale() > 1 && unet.timeCondProjDim() == 0;

    long begun = System.nanoTime();
    checkCancelled(cancellation);
    Conditioning conditioning =
        model.whileLoaded(
            DiffusionModel.Part.TEXT_ENCODERS,
            () -> parts.promptEncoder().encode(request, guided, model.textEncoders(), embeddings));
    long encoded = System.nanoTime();

    TorchRandom random = new TorchRandom(request.seed());
    StartingPoint start = start(request, autoencoder, sampler, mode, random);
    long started = System.nanoTime();

    Denoiser denoiser =
        new Denoiser(
            unet,
            sampler,
            conditioning,
            request.guidanceScale(),
            guided,
            start,
            controls,
            adapters);
    Loop loop = new Loop(request, denoiser, sampler.timesteps(), start, mode, started);
    Tensor latents =
        model.whileLoaded(
            DiffusionModel.Part.UNET, () -> denoise(loop, random, listener, cancellation));
    long denoised = System.nanoTime();

    checkCancelled(cancellation);
    List<BufferedImage> pictures =
        finished(
            request,
            model.whileLoaded(
                DiffusionModel.Part.VAE_DECODER, () -> autoencoder.decoder().decode(latents)));
    Timings timings =
        new Timings(
            Duration.ofNanos(encoded - begun),
            Duration.ofNanos(started - encoded),
            Duration.ofNanos(denoised - started),
            since(denoised),
            loop.total() * (guided ? 2 : 1));
    List<GeneratedImage> images = new ArrayList<>(pictures.size());
    for (int i = 0; i < pictures.size(); i++) {
      images.add(
          new GeneratedImage(
              pictures.get(i),
              request,
              i,
              scheduler.name(),
              latents.rows(i, i + 1),
              timings,
              List.copyOf(notes)));
    }
    return images;
  }

  private StartingPoint start(
      ImageRequest request,
      Autoencoder autoencoder,
      Sampler sampler,
      StrengthMode mode,
      TorchRandom random) {
    boolean forInpainting = parts.space().isForInpainting(model.unet());
    Starter starter = new Starter(parts.space(), autoencoder, forInpainting);
    return request.initImage() == null
        ? starter.start(request, sampler, mode, random)
        : model.whileLoaded(
            DiffusionModel.Part.VAE_ENCODER, () -> starter.start(request, sampler, mode, random));
  }

  /** What the denoising loop goes through. */
  private record Loop(
      ImageRequest request,
      Denoiser denoiser,
      double[] timesteps,
      StartingPoint start,
      StrengthMode mode,
      long startNanos) {
    int total() {
      return timesteps.length - start.index();
    }

    /** LCM's own pipeline ends with the clean estimate, whether noise was added to it or not. */
    boolean endsClean(int index) {
      return mode == StrengthMode.LCM
          && start.inpainting() == null
          && index == timesteps.length - 1;
    }
  }

  private Tensor denoise(
      Loop loop, TorchRandom random, GenerationListener listener, Cancellation cancellation) {
    Tensor latents = loop.start().latents();
    for (int i = loop.start().index(); i < loop.timesteps().length; i++) {
      checkCancelled(cancellation);
      Sampler.Step step = loop.denoiser().step(latents, i, random);
      latents = loop.endsClean(i) ? step.predOriginalSample() : step.prevSample();
      listener.onStep(
          new GenerationListener.Step(
              i + 1 - loop.start().index(),
              loop.total(),
              loop.timesteps()[i],
              latents,
              step.predOriginalSample(),
              loop.request().width(),
              loop.request().height(),
              since(loop.startNanos()),
              preview));
    }
    return latents;
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
}
