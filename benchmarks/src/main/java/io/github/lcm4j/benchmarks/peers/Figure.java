package io.github.lcm4j.benchmarks.peers;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.benchmarks.report.Spread;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One number that programs are compared by; less is better.
 *
 * @param name what it is
 * @param unit its unit
 * @param measurement name of the JSON line it is read from
 * @param lora the line's value of {@code lora}, or null where it has none
 * @param field the line's field, a number or a list of which the median counts
 * @param factor from the field's unit to this one's
 */
record Figure(
    String name,
    String unit,
    String measurement,
    @Nullable Boolean lora,
    String field,
    double factor) {
  private static final double MIB = 1.0 / (1 << 20);

  static final List<Figure> ALL =
      List.of(
          time("checkpoint to ready pipeline", "load", false),
          time("the same, LoRA folded in", "load", true),
          memory("its peak resident memory", "load", true, "peak_bytes"),
          time("folding the LoRA", "fold", null),
          memory("its extra memory", "fold", null, "extra_peak_bytes"),
          time("text encoding", "text_encode", null),
          time("UNet step", "unet_step", null),
          time("VAE decode", "vae_decode", null),
          time("one picture", "generate", null),
          memory("its peak resident memory", "generate", null, "peak_bytes"));

  private static Figure time(String name, String measurement, @Nullable Boolean lora) {
    return new Figure(name, "ms", measurement, lora, "milliseconds", 1);
  }

  private static Figure memory(
      String name, String measurement, @Nullable Boolean lora, String field) {
    return new Figure(name, "MiB", measurement, lora, field, MIB);
  }

  /** The figure's values in some lines; none if they have none. */
  List<Double> in(List<JsonNode> lines) {
    List<Double> values = new ArrayList<>();
    for (JsonNode line : lines) {
      boolean same =
          line.path("measurement").asText().equals(measurement)
              && (lora == null
                  || line.path("lora").isBoolean() && line.path("lora").booleanValue() == lora);
      JsonNode node = line.path(field);
      if (!same) {
        continue;
      }
      if (node.isNumber()) {
        values.add(node.doubleValue() * factor);
      } else if (node.isArray() && !node.isEmpty() && node.get(0).isNumber()) {
        double[] all = new double[node.size()];
        Arrays.setAll(all, i -> node.get(i).doubleValue() * factor);
        values.add(Spread.ofMedian(all).middle());
      }
    }
    return values;
  }
}
