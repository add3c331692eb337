package io.github.lcm4j.lora;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What merging did with each file.
 *
 * @param files a report for each LoRA, in the order they were given
 */
public record MergeReport(List<FileReport> files) {
  /** Copies the list. */
  public MergeReport {
    files = List.copyOf(files);
  }

  /**
   * What merging did with one file.
   *
   * @param file the LoRA file
   * @param changed module paths the file changes, by component
   * @param ignored keys that change nothing, with the reason
   */
  public record FileReport(
      Path file, Map<String, Set<String>> changed, Map<String, String> ignored) {
    /** Copies the maps. */
    public FileReport {
      Map<String, Set<String>> copy = new LinkedHashMap<>();
      changed.forEach(
          (component, modules) ->
              copy.put(component, Collections.unmodifiableSet(new TreeSet<>(modules))));
      changed = Collections.unmodifiableMap(copy);
      ignored = Collections.unmodifiableMap(new TreeMap<>(ignored));
    }

    /** How many modules the file changes. */
    public int changedModules() {
      return changed.values().stream().mapToInt(Set::size).sum();
    }
  }

  /** A few lines for people: a line for each file, and one for each reason to ignore keys. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (FileReport report : files) {
      text.append(report.file()).append(": ").append(report.changedModules()).append(" modules");
      report
          .changed()
          .forEach(
              (component, modules) ->
                  text.append(", ").append(component).append(' ').append(modules.size()));
      text.append('\n');
      Map<String, List<String>> byReason = new LinkedHashMap<>();
      report
          .ignored()
          .forEach(
              (key, reason) -> byReason.computeIfAbsent(reason, r -> new ArrayList<>()).add(key));
      byReason.forEach(
          (reason, keys) ->
              text.append("  ignored ")
                  .append(keys.size() == 1 ? "" : keys.size() + " keys, the first ")
                  .append(keys.get(0))
                  .append(": ")
                  .append(reason)
                  .append('\n'));
    }
    return text.toString();
  }
}
