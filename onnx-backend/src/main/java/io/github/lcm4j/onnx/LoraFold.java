package io.github.lcm4j.onnx;

import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.lora.DeferredMerge;
import io.github.lcm4j.lora.LoraMerger;
import io.github.lcm4j.lora.MergeReport;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.Tensor;
import io.github.lcm4j.tensor.TensorArena;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * LoRAs to be folded into a checkpoint, one part whenever its result is asked for; nothing is kept
 * of it here. Changed weights are float32 whatever the checkpoint holds. Safe for use by several
 * threads.
 */
final class LoraFold {
  private final Map<String, WeightSource> bases;
  private final List<LoraSpec> loras;
  private final LoraMerger merger;
  private final Set<String> folded = new HashSet<>();
  private @Nullable DeferredMerge matched;

  /**
   * LoRAs over a base.
   *
   * @param lenient whether keys that find no weight are reported instead of refused
   */
  LoraFold(Map<String, WeightSource> bases, List<LoraSpec> loras, boolean lenient) {
    this.bases = bases;
    this.loras = loras;
    this.merger = LoraMerger.builder().lenient(lenient).keepFloat32(true).build();
  }

  /**
   * Which parts the LoRAs change, and what there is to say about it.
   *
   * @param parts for instance {@code unet}
   * @param reports one line a file, with the keys that were ignored
   */
  record Footprint(Set<String> parts, List<String> reports) {
    static final Footprint NONE = new Footprint(Set.of(), List.of());
  }

  synchronized Footprint footprint() throws IOException {
    if (loras.isEmpty()) {
      return Footprint.NONE;
    }
    Set<String> parts = new LinkedHashSet<>();
    for (String part : bases.keySet()) {
      if (!matched().touched(part).isEmpty()) {
        parts.add(part);
      }
    }
    List<String> reports = new ArrayList<>();
    for (MergeReport.FileReport file : matched().report().files()) {
      reports.add(new MergeReport(List.of(file)).toString().strip());
    }
    return new Footprint(parts, reports);
  }

  /** A part's changed weights. */
  ChangedWeights changed(String part) {
    return arena -> fold(part, arena);
  }

  private synchronized Map<String, Tensor> fold(String part, TensorArena arena) throws IOException {
    Map<String, Tensor> changed = merger.fold(matched(), part, arena);
    folded.add(part);
    if (bases.keySet().stream()
        .allMatch(base -> folded.contains(base) || matched.touched(base).isEmpty())) {
      matched.requireEffect();
    }
    return changed;
  }

  private DeferredMerge matched() throws IOException {
    if (matched == null) {
      matched = merger.prepare(bases, loras);
    }
    return matched;
  }
}
