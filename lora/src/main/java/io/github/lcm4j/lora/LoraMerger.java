package io.github.lcm4j.lora;

import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Folds LoRA files into the weights of a checkpoint.
 *
 * <p>{@code W′ = W + Σ weightᵢ · ΔWᵢ}, from the pristine weights, in float32, cast once to the type
 * the checkpoint has unless {@link Builder#keepFloat32} is asked for. {@code ΔWᵢ} holds the file's
 * own scale, alpha / rank. Only weights some LoRA touches are computed; the base is never written
 * to. A merger has no state and may be used by several threads.
 *
 * <p>A strict merger, the default, refuses a file unless every one of its keys changes something. A
 * {@link Builder#lenient lenient} one reports keys of unknown formats, for unknown modules or for
 * components the checkpoint lacks, and files that change nothing. Neither folds a damaged file: a
 * missing half of a pair, two tensors in one role, a shape that does not fit, NaN or infinity are
 * always errors.
 */
public final class LoraMerger {
  /** Below this many changed elements one thread is faster than starting more. */
  private static final long SMALL = 1 << 20;

  private final boolean lenient;
  private final boolean keepFloat32;
  private final MatrixProduct product;
  private final int threads;
  private final int blockElements;

  private LoraMerger(Builder builder) {
    this.lenient = builder.lenient;
    this.keepFloat32 = builder.keepFloat32;
    this.product = builder.product;
    this.blockElements = builder.blockElements;
    this.threads =
        builder.threads == 0 ? Runtime.getRuntime().availableProcessors() : builder.threads;
  }

  /** A strict merger in plain Java that uses all processors. */
  public static LoraMerger create() {
    return builder().build();
  }

  /** Starts with the settings of {@link #create}. */
  public static Builder builder() {
    return new Builder();
  }

  /** Settings of a merger. */
  public static final class Builder {
    private boolean lenient;
    private boolean keepFloat32;
    private MatrixProduct product = MatrixProduct.plainJava();
    private int threads;
    private int blockElements = WeightFolder.BLOCK_ELEMENTS;

    private Builder() {}

    /** Whether keys that find no weight are reported rather than refused; false by default. */
    public Builder lenient(boolean value) {
      lenient = value;
      return this;
    }

    /**
     * Whether changed weights stay float32 where the base is half-precision: right for a network
     * that computes in float32 anyway. False by default.
     */
    public Builder keepFloat32(boolean value) {
      keepFloat32 = value;
      return this;
    }

    /** What multiplies matrices; plain Java by default. */
    public Builder matrixProduct(MatrixProduct value) {
      product = value;
      return this;
    }

    /**
     * How many weights are folded at a time, each on a thread of its own.
     *
     * @param value at least 1, or 0 for the number of processors, the default
     * @throws IllegalArgumentException if it is negative
     */
    public Builder threads(int value) {
      if (value < 0) {
        throw new IllegalArgumentException("threads must be at least 0, found " + value);
      }
      threads = value;
      return this;
    }

    /** How much of a weight is worked on at a time, for tests. */
    Builder blockElements(int value) {
      blockElements = value;
      return this;
    }

    /** The merger. */
    public LoraMerger build() {
      return new LoraMerger(this);
    }
  }

  /**
   * Folds LoRAs into weights.
   *
   * @param bases pristine weights by component: {@code unet}, {@code text_encoder}, {@code
   *     text_encoder_2}; tensors named as diffusers and transformers name them (text encoders with
   *     or without {@code text_model.}), Linear weights {@code [out, in]}, convolutions {@code
   *     [out, in, kh, kw]}. Other components pass through untouched.
   * @param loras the files with their weights, in any order; none for the bases as they are
   * @return the merged weights and a report; the touched tensors take as much direct memory as they
   *     do in the checkpoint
   * @throws LoraException if a file cannot be folded; the message names file, key, what was
   *     expected and what was found
   * @throws io.github.lcm4j.safetensors.SafetensorsException if a file is not a valid safetensors
   *     file
   * @throws IOException if a file cannot be read
   */
  public MergeResult merge(Map<String, WeightSource> bases, List<LoraSpec> loras)
      throws IOException {
    MergePlan plan = new MergePlan(bases, lenient);
    for (LoraSpec lora : loras) {
      plan.add(lora);
    }
    List<Job> jobs = new ArrayList<>();
    plan.contributions()
        .forEach(
            (component, tensors) ->
                tensors.forEach(
                    (name, contributions) ->
                        jobs.add(new Job(component, name, bases.get(component), contributions))));
    run(jobs);
    if (!lenient) {
      refuseWithoutEffect(jobs, loras.size());
    }
    Map<String, Map<String, Tensor>> folded = new LinkedHashMap<>();
    for (Job job : jobs) {
      folded
          .computeIfAbsent(job.component, name -> new LinkedHashMap<>())
          .put(job.name, job.folded().tensor());
    }
    Map<String, MergedWeights> components = new LinkedHashMap<>();
    bases.forEach(
        (component, base) ->
            components.put(
                component,
                new MergedWeights(base, folded.getOrDefault(component, Collections.emptyMap()))));
    return new MergeResult(components, new MergeReport(plan.reports()));
  }

  /** One weight to fold. */
  private static final class Job {
    private final String component;
    private final String name;
    private final WeightSource base;
    private final List<WeightFolder.Contribution> contributions;
    private WeightFolder.@Nullable Folded folded;

    Job(
        String component,
        String name,
        WeightSource base,
        List<WeightFolder.Contribution> contributions) {
      this.component = component;
      this.name = name;
      this.base = base;
      this.contributions = contributions;
    }

    void run(WeightFolder folder) throws LoraException {
      WeightFolder.Contribution first = contributions.get(0);
      try {
        Tensor pristine = base.tensor(name);
        if (!pristine.dtype().isFloating()) {
          throw new IllegalStateException(
              "%s of %s is %s, not floating-point".formatted(name, base.description(), pristine));
        }
        folded = folder.fold(name, pristine, contributions);
      } catch (IllegalStateException e) { // a type or size no tensor can have
        throw new LoraException(
            first.file().file(), first.key().name(), "cannot be folded: " + e.getMessage(), e);
      } catch (OutOfMemoryError e) {
        throw new LoraException(
            first.file().file(),
            first.key().name(),
            "no memory left for %s; changed weights need direct memory of their size in the checkpoint, raise -XX:MaxDirectMemorySize"
                .formatted(base.info(name)),
            e);
      }
    }

    WeightFolder.Folded folded() {
      return Objects.requireNonNull(folded);
    }
  }

  private void run(List<Job> jobs) throws IOException {
    long elements = 0;
    for (Job job : jobs) {
      elements += job.base.info(job.name).elementCount();
    }
    int workers = elements < SMALL ? 1 : Math.min(threads, jobs.size());
    AtomicInteger next = new AtomicInteger();
    Callable<Void> worker =
        () -> {
          WeightFolder folder = new WeightFolder(product, blockElements, keepFloat32);
          try {
            for (int i = next.getAndIncrement(); i < jobs.size(); i = next.getAndIncrement()) {
              jobs.get(i).run(folder);
            }
          } finally {
            next.set(jobs.size()); // after an error the others stop too
          }
          return null;
        };
    if (workers == 1) {
      runHere(worker);
      return;
    }
    ExecutorService executor =
        Executors.newFixedThreadPool(
            workers,
            task -> {
              Thread thread = new Thread(task, "lcm4j-lora");
              thread.setDaemon(true);
              return thread;
            });
    try {
      for (Future<Void> done : executor.invokeAll(Collections.nCopies(workers, worker))) {
        done.get();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while folding LoRAs");
    } catch (ExecutionException e) {
      rethrow(e.getCause());
    } finally {
      executor.shutdownNow();
    }
  }

  private static void runHere(Callable<Void> worker) throws IOException {
    try {
      worker.call();
    } catch (Exception e) {
      rethrow(e);
    }
  }

  private static void rethrow(Throwable cause) throws IOException {
    if (cause instanceof IOException exception) {
      throw exception;
    }
    if (cause instanceof RuntimeException exception) {
      throw exception;
    }
    if (cause instanceof Error error) {
      throw error;
    }
    throw new IOException(cause);
  }

  /** Refuses files that were to change something, but whose changes are zero throughout. */
  private static void refuseWithoutEffect(List<Job> jobs, int files) throws LoraException {
    boolean[] effective = new boolean[files];
    LoraFile[] used = new LoraFile[files];
    for (Job job : jobs) {
      for (int i = 0; i < job.contributions.size(); i++) {
        WeightFolder.Contribution contribution = job.contributions.get(i);
        used[contribution.fileIndex()] = contribution.file();
        effective[contribution.fileIndex()] |= job.folded().effective()[i];
      }
    }
    for (int i = 0; i < files; i++) {
      if (used[i] != null && !effective[i]) {
        throw new LoraException(
            used[i].file(), null, "expected changes, found that all of them are zero");
      }
    }
  }
}
