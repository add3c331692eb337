package io.github.lcm4j;

import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.spi.Backend;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.ModelSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;

/** Collects what a {@link Pipeline} is made of. Not thread-safe. */
public final class PipelineBuilder {
  private @Nullable Path checkpoint;
  private final List<LoraSpec> loras = new ArrayList<>();
  private boolean lenientLoras;
  private final List<Path> controlNets = new ArrayList<>();
  private final List<Path> t2iAdapters = new ArrayList<>();
  private final List<TextualInversion> textualInversions = new ArrayList<>();
  private @Nullable SchedulerFactory scheduler;
  private ExecutionProvider executionProvider = ExecutionProvider.CPU;
  private int threads;
  private @Nullable Path previewVae;
  private boolean vaeTiling;
  private boolean lowMemory;
  private Precision precision = Precision.FLOAT32;

  PipelineBuilder() {}

  /**
   * The base model; required.
   *
   * @param folder a checkpoint in diffusers' layout, or an ONNX export in optimum's
   */
  public PipelineBuilder checkpoint(Path folder) {
    checkpoint = Objects.requireNonNull(folder, "folder");
    return this;
  }

  /** Folds a LoRA file in at its trained strength. */
  public PipelineBuilder lora(Path file) {
    return lora(LoraSpec.of(file));
  }

  /**
   * Folds a LoRA file in.
   *
   * @param file a safetensors file of any published LoRA format
   * @param weight factor for its changes; may be negative
   */
  public PipelineBuilder lora(Path file, double weight) {
    return lora(LoraSpec.of(file, weight));
  }

  /** Folds a LoRA file in, with separate weights for its parts. */
  public PipelineBuilder lora(LoraSpec lora) {
    loras.add(Objects.requireNonNull(lora, "lora"));
    return this;
  }

  /** Whether LoRA keys that find no weight are reported instead of refused; false by default. */
  public PipelineBuilder lenientLoras(boolean lenient) {
    lenientLoras = lenient;
    return this;
  }

  /**
   * Adds a ControlNet. A request then may have a control image for each, in the order of these
   * calls.
   *
   * @param folder a ControlNetModel in diffusers' layout: {@code config.json} and its weights
   */
  public PipelineBuilder controlNet(Path folder) {
    controlNets.add(Objects.requireNonNull(folder, "folder"));
    return this;
  }

  /**
   * Adds a T2I-Adapter. A request then may have an adapter image for each, in the order of these
   * calls.
   *
   * @param folder a T2IAdapter in diffusers' layout: {@code config.json} and its weights
   */
  public PipelineBuilder t2iAdapter(Path folder) {
    t2iAdapters.add(Objects.requireNonNull(folder, "folder"));
    return this;
  }

  /**
   * Adds a learned word.
   *
   * @param file a textual inversion in any form that {@link TextualInversion} lists
   */
  public PipelineBuilder textualInversion(Path file) {
    return textualInversion(TextualInversion.of(file));
  }

  /** Adds a learned word under a name of its own. */
  public PipelineBuilder textualInversion(TextualInversion inversion) {
    textualInversions.add(Objects.requireNonNull(inversion, "inversion"));
    return this;
  }

  /**
   * The scheduler, made from the checkpoint's configuration. Without this call the checkpoint's own
   * scheduler is used.
   *
   * @param factory for instance {@code LCMScheduler::new}
   */
  public PipelineBuilder scheduler(SchedulerFactory factory) {
    scheduler = Objects.requireNonNull(factory, "factory");
    return this;
  }

  /**
   * The scheduler by name.
   *
   * @param name see {@link Schedulers#named}
   * @throws IllegalArgumentException if there is none of that name; the message lists them
   */
  public PipelineBuilder scheduler(String name) {
    return scheduler(Schedulers.named(name));
  }

  /** Where to compute; the CPU by default. */
  public PipelineBuilder executionProvider(ExecutionProvider provider) {
    executionProvider = Objects.requireNonNull(provider, "provider");
    return this;
  }

  /**
   * Threads one network may use.
   *
   * @param count at least 1, or 0 for as many as there are cores
   */
  public PipelineBuilder threads(int count) {
    if (count < 0) {
      throw new IllegalArgumentException("threads must be at least 0, found " + count);
    }
    threads = count;
    return this;
  }

  /**
   * Draws previews with a tiny autoencoder instead of a linear map of the latents.
   *
   * @param folder an AutoencoderTiny (TAESD) for the model's latents, in diffusers' layout
   */
  public PipelineBuilder previewVae(Path folder) {
    previewVae = Objects.requireNonNull(folder, "folder");
    return this;
  }

  /**
   * Whether pictures larger than the autoencoder was trained on pass it in overlapping tiles: its
   * memory then no longer grows with the picture, and colours may differ a little from tile to
   * tile. False by default.
   */
  public PipelineBuilder vaeTiling(boolean tiling) {
    vaeTiling = tiling;
    return this;
  }

  /**
   * Whether each network is in memory only while it runs: every generation then loads them, and
   * folds the LoRAs, anew. A LoRA whose numbers are damaged or have no effect then shows at the
   * first generation, as an {@link InferenceException}. False by default.
   */
  public PipelineBuilder lowMemory(boolean low) {
    lowMemory = low;
    return this;
  }

  /**
   * What the networks compute in; {@link Precision#FLOAT32} by default. LoRAs are folded in float32
   * whatever it is. An ONNX export computes in what it was exported in, and takes the default only.
   */
  public PipelineBuilder precision(Precision value) {
    precision = Objects.requireNonNull(value, "value");
    return this;
  }

  /**
   * Loads the checkpoint, folds the LoRAs in and creates the sessions.
   *
   * @return a pipeline that the caller must close
   * @throws IOException if the checkpoint or a LoRA file is missing or damaged, or they do not fit
   *     each other; the message names the file, what was expected and what was found
   * @throws UnsupportedOperationException if the checkpoint is of a kind that cannot be run, or the
   *     execution provider is not available; the message says what is missing
   * @throws IllegalStateException if no checkpoint was given or no backend is on the path
   */
  public Pipeline build() throws IOException {
    if (checkpoint == null) {
      throw new IllegalStateException("no checkpoint: call checkpoint(folder) before build()");
    }
    Checkpoint base = Checkpoint.open(checkpoint);
    base.requireStableDiffusion();
    SchedulerConfig config = SchedulerDefaults.amend(base, scheduler == null);
    Scheduler made = schedulerFor(config).create(config);
    Backend backend =
        ServiceLoader.load(Backend.class)
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalStateException(
                        "no backend found: add io.github.lcm4j:lcm4j-onnx-backend to the class or"
                            + " module path"));
    TextualInversions inversions = TextualInversions.read(textualInversions, base);
    List<Component> controls = new ArrayList<>();
    for (int i = 0; i < controlNets.size(); i++) {
      controls.add(Checkpoint.openPart(controlNets.get(i), "controlnet_" + i, "ControlNetModel"));
    }
    List<Component> adapters = new ArrayList<>();
    for (int i = 0; i < t2iAdapters.size(); i++) {
      adapters.add(Checkpoint.openPart(t2iAdapters.get(i), "t2i_adapter_" + i, "T2IAdapter"));
    }
    DiffusionModel model =
        backend.load(
            new ModelSpec(
                base,
                loras,
                lenientLoras,
                executionProvider,
                threads,
                inversions.embeddings(),
                controls,
                adapters,
                previewVae == null
                    ? null
                    : Checkpoint.openPart(previewVae, "preview_vae", "AutoencoderTiny"),
                lowMemory,
                precision));
    try {
      return new Pipeline(
          model,
          new PipelineParts(
              made,
              PromptEncoder.create(base, model, inversions),
              LatentSpace.of(base, model),
              vaeTiling));
    } catch (Throwable e) {
      model.close();
      throw e;
    }
  }

  private SchedulerFactory schedulerFor(SchedulerConfig config) {
    if (scheduler != null) {
      return scheduler;
    }
    // A checkpoint that does not say gets what Stable Diffusion is usually run with.
    return Schedulers.named(config.className().isEmpty() ? "DDIMScheduler" : config.className());
  }
}
