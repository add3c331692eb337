package io.github.lcm4j;

import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;

/**
 * A LoRA file and how strongly it is to act.
 *
 * @param file a safetensors file of any published LoRA format
 * @param unetWeight factor for the UNet's changes; 1 as trained, 0 nothing, negative the opposite
 * @param textEncoderWeight factor for the text encoders' changes
 * @param blockWeights further factors for parts of the UNet by the start of their module path, for
 *     instance {@code down_blocks.1} or {@code mid_block}; the longest match counts, modules
 *     without a match have factor 1
 */
public record LoraSpec(
    Path file, double unetWeight, double textEncoderWeight, Map<String, Double> blockWeights) {
  /** Checks the weights and copies the map. */
  public LoraSpec {
    Objects.requireNonNull(file, "file");
    requireFinite("unetWeight", unetWeight);
    requireFinite("textEncoderWeight", textEncoderWeight);
    blockWeights.forEach(LoraSpec::requireFinite);
    blockWeights = Map.copyOf(blockWeights);
  }

  /** A file at its trained strength. */
  public static LoraSpec of(Path file) {
    return of(file, 1.0);
  }

  /** A file with one weight for the UNet and the text encoders. */
  public static LoraSpec of(Path file, double weight) {
    return new LoraSpec(file, weight, weight, Map.of());
  }

  /** This LoRA with another weight for the text encoders. */
  public LoraSpec textEncoderWeight(double weight) {
    return new LoraSpec(file, unetWeight, weight, blockWeights);
  }

  /** This LoRA with weights for parts of the UNet. */
  public LoraSpec blockWeights(Map<String, Double> weights) {
    return new LoraSpec(file, unetWeight, textEncoderWeight, weights);
  }

  private static void requireFinite(String name, double weight) {
    if (!Double.isFinite(weight)) {
      throw new IllegalArgumentException("LoRA " + name + " must be finite, found " + weight);
    }
  }
}
