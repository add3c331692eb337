package io.github.lcm4j.cli;

import io.github.lcm4j.safetensors.TensorInfo;
import io.github.lcm4j.safetensors.WeightSource;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Counts over tensors.
 *
 * @param tensors how many there are
 * @param parameters their elements, those of whole-number types left out
 * @param bytes their length
 * @param types tensors of each type
 */
record WeightSummary(int tensors, long parameters, long bytes, Map<String, Integer> types) {
  static WeightSummary of(WeightSource source) {
    long parameters = 0;
    long bytes = 0;
    Map<String, Integer> types = new TreeMap<>();
    for (String name : source.names()) {
      TensorInfo info = source.info(name);
      bytes += info.byteSize();
      types.merge(info.type(), 1, Integer::sum);
      if (info.type().startsWith("F") || info.type().startsWith("BF")) {
        parameters += info.elementCount();
      }
    }
    return new WeightSummary(source.names().size(), parameters, bytes, types);
  }

  /** The one type, or how many tensors have which. */
  String typeNames() {
    return types.size() == 1
        ? types.keySet().iterator().next()
        : types.entrySet().stream()
            .map(entry -> "%s (%d tensors)".formatted(entry.getKey(), entry.getValue()))
            .collect(Collectors.joining(", "));
  }

  String oneLine() {
    return "%s parameters in %d tensors, %s, %s"
        .formatted(count(parameters), tensors, typeNames(), megabytes(bytes));
  }

  static String count(long value) {
    if (value < 1_000_000) {
      return String.format(Locale.ROOT, "%,d", value);
    }
    return value < 1_000_000_000
        ? String.format(Locale.ROOT, "%.1fM", value / 1e6)
        : String.format(Locale.ROOT, "%.2fG", value / 1e9);
  }

  static String megabytes(long bytes) {
    return String.format(Locale.ROOT, "%.1f MB", bytes / 1e6);
  }
}
