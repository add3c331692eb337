package io.github.lcm4j.cli;

import io.github.lcm4j.lora.LoraException;
import io.github.lcm4j.lora.LoraFile;
import io.github.lcm4j.lora.LoraKey;
import io.github.lcm4j.lora.LoraRole;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.TensorInfo;
import io.github.lcm4j.safetensors.WeightSource;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** What a safetensors file holds. */
final class SafetensorsReport {
  private static final int MAX_VALUE_LENGTH = 100;

  private SafetensorsReport() {}

  static List<String> lines(WeightSource source) {
    List<String> lines = new ArrayList<>();
    lines.add("%s: %s".formatted(source.description(), WeightSummary.of(source).oneLine()));
    source
        .metadata()
        .forEach((key, value) -> lines.add("  metadata %s: %s".formatted(key, shortened(value))));
    return lines;
  }

  /** As {@link #lines(WeightSource)}, and what it is as a LoRA if it is one. */
  static List<String> lines(SafetensorsFile file) throws IOException {
    List<String> lines = new ArrayList<>(lines((WeightSource) file));
    try {
      lines.addAll(lora(LoraFile.open(file.file()), file));
    } catch (LoraException e) {
      lines.add("  not a LoRA");
    }
    return lines;
  }

  /** Trainers put whole tables into single values. */
  private static String shortened(String value) {
    String line = value.replaceAll("\\s+", " ");
    return line.length() <= MAX_VALUE_LENGTH
        ? line
        : line.substring(0, MAX_VALUE_LENGTH) + "… (%d characters)".formatted(line.length());
  }

  private static List<String> lora(LoraFile lora, SafetensorsFile tensors) {
    Set<LoraRole> roles = new LinkedHashSet<>();
    Map<String, Set<String>> modules = new LinkedHashMap<>();
    Map<Long, Integer> ranks = new TreeMap<>();
    Map<Float, Integer> alphas = new TreeMap<>();
    int convolutions = 0;
    for (LoraKey key : lora.keys()) {
      roles.add(key.role());
      modules.computeIfAbsent(key.component(), name -> new LinkedHashSet<>()).add(key.module());
      TensorInfo info = tensors.info(key.name());
      if (key.role() == LoraRole.DOWN && info.shape().length > 0) {
        ranks.merge(info.shape()[0], 1, Integer::sum);
        convolutions += info.shape().length == 4 ? 1 : 0;
      } else if (key.role() == LoraRole.ALPHA && info.elementCount() == 1) {
        alphas.merge(tensors.tensor(key.name()).toFloatArray()[0], 1, Integer::sum);
      }
    }
    List<String> lines = new ArrayList<>();
    lines.add("  %s, %s".formatted(kinds(roles), naming(lora.keys())));
    modules.forEach(
        (component, names) ->
            lines.add("  changes %d modules of %s".formatted(names.size(), component)));
    if (!ranks.isEmpty()) {
      lines.add("  rank %s; %d of them convolutions".formatted(counts(ranks), convolutions));
      lines.add("  alpha " + (alphas.isEmpty() ? "missing: the same as the rank" : counts(alphas)));
    }
    if (!lora.unknownKeys().isEmpty()) {
      Map.Entry<String, String> first = lora.unknownKeys().entrySet().iterator().next();
      lines.add(
          "  %d keys cannot be folded; the first, %s, %s"
              .formatted(lora.unknownKeys().size(), first.getKey(), first.getValue()));
    }
    return lines;
  }

  private static String kinds(Set<LoraRole> roles) {
    Set<String> kinds = new LinkedHashSet<>();
    for (LoraRole role : roles) {
      switch (role) {
        case DOWN, UP, UP_BIAS -> kinds.add("LoRA");
        case MID -> kinds.add("LoCon with Tucker cores");
        case MAGNITUDE -> kinds.add("DoRA");
        case DIFF, DIFF_BIAS -> kinds.add("whole differences");
        case ALPHA -> {}
        default -> kinds.add(role.name().startsWith("HADA") ? "LoHa" : "LoKr");
      }
    }
    return String.join(" and ", kinds);
  }

  private static String naming(List<LoraKey> keys) {
    Set<String> styles = new LinkedHashSet<>();
    for (LoraKey key : keys) {
      String name = key.name();
      if (name.startsWith("lora_") || name.startsWith("lycoris_")) {
        styles.add("kohya's keys");
      } else if (name.contains(".lora_A") || name.contains(".lora_B")) {
        styles.add("PEFT's keys");
      } else {
        styles.add("diffusers' keys");
      }
    }
    return String.join(" and ", styles);
  }

  private static String counts(Map<? extends Number, Integer> values) {
    return values.entrySet().stream()
        .map(entry -> "%s (%d modules)".formatted(entry.getKey(), entry.getValue()))
        .collect(Collectors.joining(", "));
  }
}
