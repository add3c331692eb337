package io.github.lcm4j.lora;

import io.github.lcm4j.LoraSpec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * What is to become one checkpoint. Immutable; every method returns a changed copy.
 *
 * @param checkpoint the base model's folder
 * @param loras the LoRA files with their weights, in any order; none for the base as it is
 * @param lenientLoras whether LoRA keys that find no weight are reported instead of refused
 * @param overwrite whether a checkpoint that is at the target already is replaced
 */
public record MergeRequest(
    Path checkpoint, List<LoraSpec> loras, boolean lenientLoras, boolean overwrite) {
  /** Copies the list. */
  public MergeRequest {
    Objects.requireNonNull(checkpoint, "checkpoint");
    loras = List.copyOf(loras);
  }

  /** A base model without LoRAs, written only to where there is nothing. */
  public static MergeRequest of(Path checkpoint) {
    return new MergeRequest(checkpoint, List.of(), false, false);
  }

  /** With a LoRA more, at its trained strength. */
  public MergeRequest lora(Path file) {
    return lora(LoraSpec.of(file));
  }

  /** With a LoRA more. */
  public MergeRequest lora(LoraSpec lora) {
    List<LoraSpec> more = new ArrayList<>(loras);
    more.add(lora);
    return new MergeRequest(checkpoint, more, lenientLoras, overwrite);
  }

  /** Whether LoRA keys that find no weight are reported instead of refused; false at first. */
  public MergeRequest lenientLoras(boolean lenient) {
    return new MergeRequest(checkpoint, loras, lenient, overwrite);
  }

  /** Whether a checkpoint that is at the target already is replaced; false at first. */
  public MergeRequest overwrite(boolean replace) {
    return new MergeRequest(checkpoint, loras, lenientLoras, replace);
  }

  /** Every file and folder the result is made of. */
  public List<Path> sources() {
    List<Path> sources = new ArrayList<>(List.of(checkpoint));
    loras.forEach(lora -> sources.add(lora.file()));
    return sources;
  }
}
