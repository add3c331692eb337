package io.github.lcm4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The reference data under {@code src/test/resources/golden}. */
final class Golden {
  private Golden() {}

  static Path folder(String name) {
    try {
      return Path.of(Golden.class.getResource("/golden").toURI()).resolve(name);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  static JsonNode json(Path file) throws IOException {
    return new ObjectMapper().readTree(file.toFile());
  }

  /** The parts of a golden checkpoint that LoRAs change. */
  static Map<String, WeightSource> bases(String model) throws IOException {
    Checkpoint checkpoint = Checkpoint.open(folder("models").resolve(model));
    Map<String, WeightSource> bases = new LinkedHashMap<>();
    for (String component : List.of("unet", "text_encoder", "text_encoder_2")) {
      if (checkpoint.component(component).isPresent()) {
        bases.put(component, checkpoint.require(component).openWeights());
      }
    }
    return bases;
  }

  /** The LoRAs of a case of an {@code expected.json}. */
  static List<LoraSpec> specs(Path folder, JsonNode loras) {
    List<LoraSpec> specs = new ArrayList<>();
    for (JsonNode lora : loras) {
      double unet = lora.path("weight").asDouble(1);
      Map<String, Double> blocks = new HashMap<>();
      lora.path("block_weights")
          .properties()
          .forEach(entry -> blocks.put(entry.getKey(), entry.getValue().asDouble()));
      specs.add(
          new LoraSpec(
              folder.resolve(lora.path("file").asText()),
              unet,
              lora.path("text_encoder_weight").asDouble(unet),
              blocks));
    }
    return specs;
  }

  /** Fails unless ‖found − expected‖ ≤ tolerance · ‖expected‖, naming the worst element. */
  static void assertClose(String what, Tensor expected, Tensor found, double tolerance) {
    assertArrayEquals(expected.shape(), found.shape(), what + ": shape");
    float[] e = expected.toFloatArray();
    float[] f = found.toFloatArray();
    double error = 0;
    double norm = 0;
    int worst = 0;
    for (int i = 0; i < e.length; i++) {
      double difference = Math.abs((double) f[i] - e[i]);
      if (!(difference <= Math.abs((double) f[worst] - e[worst]))) {
        worst = i;
      }
      error += difference * difference;
      norm += (double) e[i] * e[i];
    }
    double relative = Math.sqrt(error) / Math.sqrt(norm);
    if (!(relative <= tolerance)) {
      fail(
          "%s: relative error %.3g, tolerance %.3g; worst at element %d: expected %s, found %s"
              .formatted(what, relative, tolerance, worst, e[worst], f[worst]));
    }
  }
}
