package io.github.lcm4j.lora;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NoSuchElementException;

/**
 * Weights with LoRAs folded in.
 *
 * @param components the merged weights under the names the bases were given
 * @param report what was done with each file
 */
public record MergeResult(Map<String, MergedWeights> components, MergeReport report) {
  /** Copies the map. */
  public MergeResult {
    components = Collections.unmodifiableMap(new LinkedHashMap<>(components));
  }

  /**
   * The merged weights of a component.
   *
   * @throws NoSuchElementException if no base of that name was given
   */
  public MergedWeights component(String name) {
    MergedWeights weights = components.get(name);
    if (weights == null) {
      throw new NoSuchElementException("no component " + name + " among " + components.keySet());
    }
    return weights;
  }

  /** How many modules differ from the bases, over all components. */
  public int changedModules() {
    return components.values().stream().mapToInt(weights -> weights.touchedModules().size()).sum();
  }
}
