package io.github.lcm4j.onnx;

import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.lora.DeferredMerge;
import io.github.lcm4j.lora.LoraMerger;
import io.github.lcm4j.lora.MergeReport;
import io.github.lcm4j.lora.MergeResult;
import io.github.lcm4j.lora.MergedWeights;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * LoRAs folded into a checkpoint: all parts when a result is first asked for, or, to save memory,
 * one part whenever its result is asked for. Changed weights are float32 whatever the checkpoint
 * holds. Safe for use by several threads.
 */
final class LoraFold {
  private final Map<String, WeightSource> bases;
  private final List<LoraSpec> loras;
  private final LoraMerger merger;
  private final boolean byPart;
  private final Set<String> folded = new HashSet<>();
  private @Nullable DeferredMerge matched;
  private @Nullable MergeResult result;

  /**
   * @param lenient whether keys that find no weight are reported instead of refused
   * @param byPart whether memory is to be saved: nothing that was folded is kept, and weights that
   *     cannot be folded show only when their part is
   */
  LoraFold(Map<String, WeightSource> bases, List<LoraSpec> loras, boolean lenient, boolean byPart) {
    this.bases = bases;
    this.loras = loras;
    this.merger = LoraMerger.builder().lenient(lenient).keepFloat32(true).build();
    this.byPart = byPart;
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
      if (byPart
          ? !matched().touched(part).isEmpty()
          : !result().component(part).touched().isEmpty()) {
        parts.add(part);
      }
    }
    MergeReport report = byPart ? matched().report() : result().report();
    List<String> reports = new ArrayList<>();
    for (MergeReport.FileReport file : report.files()) {
      reports.add(new MergeReport(List.of(file)).toString().strip());
    }
    return new Footprint(parts, reports);
  }

  /** A part's changed weights by name. */
  synchronized Map<String, Tensor> changed(String part) throws IOException {
    if (byPart) {
      Map<String, Tensor> changed = merger.fold(matched(), part);
      folded.add(part);
      if (bases.keySet().stream()
          .allMatch(base -> folded.contains(base) || matched.touched(base).isEmpty())) {
        matched.requireEffect();
      }
      return changed;
    }
    MergedWeights merged = result().components().get(part);
    Map<String, Tensor> changed = new LinkedHashMap<>();
    if (merged != null) {
      for (String name : merged.touched()) {
        changed.put(name, merged.tensor(name));
      }
    }
    return changed;
  }

  private DeferredMerge matched() throws IOException {
    if (matched == null) {
      matched = merger.prepare(bases, loras);
    }
    return matched;
  }

  private MergeResult result() throws IOException {
    if (result == null) {
      result = merger.merge(bases, loras);
    }
    return result;
  }
}
