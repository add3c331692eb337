package io.github.lcm4j.lora;

import io.github.lcm4j.safetensors.TensorInfo;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.util.BitSet;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * LoRAs that were matched with the weights they change, each of which is folded when it is asked
 * for. Made by {@link LoraMerger#prepare}; may be used by several threads, which fold one after the
 * other.
 */
public final class DeferredMerge {
  private final Map<String, WeightSource> bases;
  private final MergePlan plan;
  private final boolean lenient;
  private final boolean keepFloat32;
  private final Supplier<WeightFolder> folders;
  private final BitSet effective = new BitSet();
  private final BitSet folded = new BitSet();

  DeferredMerge(
      Map<String, WeightSource> bases,
      MergePlan plan,
      boolean lenient,
      boolean keepFloat32,
      Supplier<WeightFolder> folders) {
    this.bases = Collections.unmodifiableMap(new LinkedHashMap<>(bases));
    this.plan = plan;
    this.lenient = lenient;
    this.keepFloat32 = keepFloat32;
    this.folders = folders;
  }

  /** What each file changes, and which of its keys change nothing. */
  public MergeReport report() {
    return new MergeReport(plan.reports());
  }

  /** Names of a component's weights that LoRAs change; empty if they change none. */
  public Set<String> touched(String component) {
    return Collections.unmodifiableSet(contributions(component).keySet());
  }

  /**
   * What a changed weight will look like.
   *
   * @return the base's type, or float32 where the merger {@linkplain LoraMerger.Builder#keepFloat32
   *     keeps} it
   * @throws LoraException if the base's type is not floating-point
   * @throws NoSuchElementException if LoRAs do not change it
   */
  public DType dtype(String component, String name) throws LoraException {
    DType dtype = info(component, name).dtype();
    if (dtype == null || !dtype.isFloating()) {
      throw unfoldable(
          component,
          name,
          "cannot be folded: %s is not floating-point".formatted(info(component, name)),
          null);
    }
    return keepFloat32 ? DType.FLOAT32 : dtype;
  }

  /** Shape and place of the pristine weight. */
  TensorInfo info(String component, String name) {
    return base(component).info(name);
  }

  /**
   * Folds one weight, anew at each call.
   *
   * @param component for instance {@code unet}
   * @param name one of {@link #touched}
   * @return the merged weight, in the base's shape and {@link #dtype} type
   * @throws LoraException if it cannot be folded; the message names file, key, what was expected
   *     and what was found
   * @throws IOException if the pristine weight cannot be read
   * @throws NoSuchElementException if LoRAs do not change it
   */
  public synchronized Tensor fold(String component, String name) throws IOException {
    try (WeightFolder folder = folders.get()) {
      return fold(component, name, folder, Tensor::allocate);
    }
  }

  /** Folds one weight with a folder that no other thread uses. */
  Tensor fold(String component, String name, WeightFolder by, WeightFolder.Memory memory)
      throws IOException {
    dtype(component, name); // else what it throws is thrown below, less clearly
    List<WeightFolder.Contribution> contributions = contributions(component, name);
    try {
      WeightFolder.Folded result = by.fold(name, base(component), contributions, memory);
      note(contributions, result.effective());
      return result.tensor();
    } catch (IllegalStateException e) { // a size no tensor can have
      throw unfoldable(component, name, "cannot be folded: " + e.getMessage(), e);
    } catch (OutOfMemoryError e) {
      throw unfoldable(
          component,
          name,
          "no memory left for %s; changed weights need direct memory of their size in the checkpoint, raise -XX:MaxDirectMemorySize"
              .formatted(info(component, name)),
          e);
    }
  }

  private void note(List<WeightFolder.Contribution> contributions, boolean[] effects) {
    synchronized (effective) {
      for (int i = 0; i < effects.length; i++) {
        int file = contributions.get(i).fileIndex();
        folded.set(file);
        effective.set(file, effective.get(file) || effects[i]);
      }
    }
  }

  /**
   * Refuses files of which all weights have been folded and none was changed; to be called when all
   * were. A lenient merger refuses none.
   *
   * @throws LoraException if a file changed nothing
   */
  public void requireEffect() throws LoraException {
    List<MergeReport.FileReport> files = plan.reports();
    synchronized (effective) {
      for (int i = 0; i < files.size(); i++) {
        if (!lenient && folded.get(i) && !effective.get(i)) {
          throw new LoraException(
              files.get(i).file(), null, "expected changes, found that all of them are zero");
        }
      }
    }
  }

  private LoraException unfoldable(
      String component, String name, String message, @Nullable Throwable cause) {
    WeightFolder.Contribution first = contributions(component, name).get(0);
    return new LoraException(first.file().file(), first.key().name(), message, cause);
  }

  private Map<String, List<WeightFolder.Contribution>> contributions(String component) {
    return plan.contributions().getOrDefault(component, Map.of());
  }

  private List<WeightFolder.Contribution> contributions(String component, String name) {
    List<WeightFolder.Contribution> found = contributions(component).get(name);
    if (found == null) {
      throw new NoSuchElementException("no LoRA changes %s of %s".formatted(name, component));
    }
    return found;
  }

  private WeightSource base(String component) {
    return Objects.requireNonNull(bases.get(component), component);
  }
}
