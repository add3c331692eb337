package io.github.lcm4j.lora;

import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * A checkpoint that was written and is whole.
 *
 * @param folder where it is
 * @param report what was done with each LoRA
 * @param files the lengths of its files in bytes, by their places in the folder
 */
public record WrittenCheckpoint(Path folder, MergeReport report, Map<Path, Long> files) {
  /** Copies the map, sorted. */
  public WrittenCheckpoint {
    files = Collections.unmodifiableMap(new TreeMap<>(files));
  }
}
