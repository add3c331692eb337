package io.github.lcm4j.onnx;

import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.lora.LoraMerger;
import io.github.lcm4j.lora.MergeReport;
import io.github.lcm4j.lora.MergeResult;
import io.github.lcm4j.lora.MergedWeights;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * LoRAs folded into a checkpoint when the result is first asked for. Changed weights are float32
 * whatever the checkpoint holds, since that is what the networks compute in.
 */
final class LoraFold {
  private final Map<String, WeightSource> bases;
  private final List<LoraSpec> loras;
  private final boolean lenient;
  private @Nullable MergeResult result;

  LoraFold(Map<String, WeightSource> bases, List<LoraSpec> loras, boolean lenient) {
    this.bases = bases;
    this.loras = loras;
    this.lenient = lenient;
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

  Footprint footprint() throws IOException {
    if (loras.isEmpty()) {
      return Footprint.NONE;
    }
    Set<String> parts = new LinkedHashSet<>();
    for (Map.Entry<String, MergedWeights> component : result().components().entrySet()) {
      if (!component.getValue().touched().isEmpty()) {
        parts.add(component.getKey());
      }
    }
    List<String> reports = new ArrayList<>();
    for (MergeReport.FileReport file : result().report().files()) {
      reports.add(new MergeReport(List.of(file)).toString().strip());
    }
    return new Footprint(parts, reports);
  }

  /** A part's changed weights by name. */
  Map<String, Tensor> changed(String part) throws IOException {
    MergedWeights merged = result().components().get(part);
    Map<String, Tensor> changed = new LinkedHashMap<>();
    if (merged != null) {
      for (String name : merged.touched()) {
        changed.put(name, merged.tensor(name));
      }
    }
    return changed;
  }

  private MergeResult result() throws IOException {
    if (result == null) {
      result = LoraMerger.builder().lenient(lenient).keepFloat32(true).build().merge(bases, loras);
    }
    return result;
  }
}
