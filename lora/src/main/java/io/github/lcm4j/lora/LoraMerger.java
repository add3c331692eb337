package io.github.lcm4j.lora;

import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.Tensor;
import io.github.lcm4j.tensor.TensorArena;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.Arrays;
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
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
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
  private final Supplier<MatrixProduct> product;
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
    private Supplier<MatrixProduct> product = BlockedProduct::new;
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
      product = () -> value;
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
    DeferredMerge deferred = prepare(bases, loras);
    List<Job> jobs = new ArrayList<>();
    for (String component : bases.keySet()) {
      for (String name : deferred.touched(component)) {
        jobs.add(new Job(component, name, Tensor::allocate));
      }
    }
    run(deferred, jobs);
    deferred.requireEffect();
    Map<String, MergedWeights> components = new LinkedHashMap<>();
    for (Map.Entry<String, WeightSource> base : bases.entrySet()) {
      Map<String, Tensor> folded = new LinkedHashMap<>();
      for (Job job : jobs) {
        if (job.component.equals(base.getKey())) {
          folded.put(job.name, Objects.requireNonNull(job.folded));
        }
      }
      components.put(base.getKey(), new MergedWeights(base.getValue(), folded));
    }
    return new MergeResult(components, deferred.report());
  }

  /**
   * Folds the weights of one component, anew at each call.
   *
   * @param deferred what was matched
   * @param component for instance {@code unet}
   * @param arena where the changed weights are to lie
   * @return the changed weights by name; empty if LoRAs change none
   * @throws LoraException if one cannot be folded; the message names file, key, what was expected
   *     and what was found
   * @throws IOException if a pristine weight cannot be read, or the thread is interrupted
   */
  public Map<String, Tensor> fold(DeferredMerge deferred, String component, TensorArena arena)
      throws IOException {
    List<Job> jobs = new ArrayList<>();
    List<String> names = List.copyOf(deferred.touched(component));
    long[] sizes = new long[names.size()];
    long[] totals = new long[threads];
    for (int i = 0; i < sizes.length; i++) {
      sizes[i] =
          deferred.info(component, names.get(i)).elementCount()
              * deferred.dtype(component, names.get(i)).byteSize();
      totals[i % threads] += sizes[i];
    }
    // In turn: each thread takes memory of its own while the others write to theirs.
    List<Slabs> slabs = Arrays.stream(totals).mapToObj(total -> new Slabs(arena, total)).toList();
    for (int i = 0; i < sizes.length; i++) {
      jobs.add(new Job(component, names.get(i), slabs.get(i % threads).add(sizes[i])));
    }
    run(deferred, jobs);
    Map<String, Tensor> folded = new LinkedHashMap<>();
    jobs.forEach(job -> folded.put(job.name, Objects.requireNonNull(job.folded)));
    return folded;
  }

  /**
   * Matches LoRAs with weights and folds none yet, so that each can be folded when it is needed and
   * forgotten after it: writing a merged checkpoint then takes no more memory than its largest
   * weight.
   *
   * @param bases pristine weights by component, as for {@link #merge}
   * @param loras the files with their weights
   * @throws LoraException if the keys of a file do not fit; damaged numbers are found when they are
   *     folded
   * @throws io.github.lcm4j.safetensors.SafetensorsException if a file is not a valid safetensors
   *     file
   * @throws IOException if a file cannot be read
   */
  public DeferredMerge prepare(Map<String, WeightSource> bases, List<LoraSpec> loras)
      throws IOException {
    MergePlan plan = new MergePlan(bases, lenient);
    for (LoraSpec lora : loras) {
      plan.add(lora);
    }
    return new DeferredMerge(bases, plan, lenient, keepFloat32, this::folder);
  }

  private WeightFolder folder() {
    return new WeightFolder(product.get(), blockElements, keepFloat32);
  }

  /** One weight to fold. */
  private static final class Job {
    private final String component;
    private final String name;
    private final WeightFolder.Memory memory;
    private @Nullable Tensor folded;

    Job(String component, String name, WeightFolder.Memory memory) {
      this.component = component;
      this.name = name;
      this.memory = memory;
    }
  }

  private void run(DeferredMerge deferred, List<Job> jobs) throws IOException {
    long elements = 0;
    for (Job job : jobs) {
      elements += deferred.info(job.component, job.name).elementCount();
    }
    int workers = elements < SMALL ? 1 : Math.min(threads, jobs.size());
    AtomicInteger next = new AtomicInteger();
    Callable<Void> worker =
        () -> {
          try (WeightFolder folder = folder()) {
            for (int i = next.getAndIncrement(); i < jobs.size(); i = next.getAndIncrement()) {
              Job job = jobs.get(i);
              job.folded = deferred.fold(job.component, job.name, folder, job.memory);
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
      next.set(jobs.size());
      executor.shutdownNow();
      awaitEnd(executor);
    }
  }

  /** Nobody may write to the weights any more when their memory is given back. */
  private static void awaitEnd(ExecutorService executor) {
    boolean interrupted = false;
    boolean ended = false;
    while (!ended) {
      try {
        ended = executor.awaitTermination(1, TimeUnit.HOURS);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
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
}
