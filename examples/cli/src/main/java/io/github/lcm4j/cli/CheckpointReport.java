package io.github.lcm4j.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.WeightSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

/** What a checkpoint folder holds. */
final class CheckpointReport {
  private static final String INDENT = " ".repeat(18);

  private CheckpointReport() {}

  static List<String> lines(Checkpoint checkpoint) throws IOException {
    List<String> lines = new ArrayList<>();
    String pipeline = checkpoint.modelIndex().path("_class_name").asText("");
    lines.add(
        "%s: checkpoint folder%s"
            .formatted(checkpoint.folder(), pipeline.isEmpty() ? "" : " of a " + pipeline));
    for (Component component : checkpoint.components().values()) {
      add(lines, component.name(), component.className());
      String shape = shape(component);
      if (!shape.isEmpty()) {
        lines.add(INDENT + shape);
      }
      lines.addAll(weights(component).stream().map(INDENT::concat).toList());
    }
    for (String name : List.of("tokenizer", "tokenizer_2")) {
      Path folder = checkpoint.folder().resolve(name);
      if (Files.isDirectory(folder)) {
        add(
            lines,
            name,
            Files.exists(folder.resolve("vocab.json"))
                ? "vocab.json and merges.txt"
                : "tokenizer.json");
      }
    }
    add(lines, "scheduler", scheduler(checkpoint.schedulerConfig()));
    return lines;
  }

  private static void add(List<String> lines, String name, String text) {
    lines.add("  %-15s %s".formatted(name, text));
  }

  private static List<String> weights(Component component) throws IOException {
    if (component.isOnnx()) {
      return OnnxSummary.read(component.onnxFile()).lines();
    }
    WeightSource weights = component.openWeights();
    String file =
        weights instanceof SafetensorsFile single
            ? single.file().getFileName().toString()
            : Path.of(weights.description()).getFileName().toString();
    return List.of(WeightSummary.of(weights).oneLine() + " (" + file + ")");
  }

  /** The numbers of the configuration that tell models apart. */
  private static String shape(Component component) {
    List<String> facts = new ArrayList<>();
    fact(facts, component, "block_out_channels", "channels");
    fact(facts, component, "cross_attention_dim", "text width");
    fact(facts, component, "in_channels", "channels in");
    fact(facts, component, "sample_size", "sample size");
    fact(facts, component, "latent_channels", "latent channels");
    fact(facts, component, "scaling_factor", "scaling factor");
    fact(facts, component, "time_cond_proj_dim", "guidance embedding");
    fact(facts, component, "hidden_size", "hidden size");
    fact(facts, component, "num_hidden_layers", "layers");
    fact(facts, component, "max_position_embeddings", "tokens");
    fact(facts, component, "vocab_size", "vocabulary");
    return String.join(", ", facts);
  }

  private static void fact(List<String> facts, Component component, String key, String name) {
    JsonNode value = component.config().path(key);
    if (value.isArray()) {
      facts.add(
          name
              + " "
              + StreamSupport.stream(value.spliterator(), false)
                  .map(JsonNode::asText)
                  .collect(Collectors.joining("-")));
    } else if (value.isNumber()) {
      facts.add(name + " " + value.asText());
    }
  }

  private static String scheduler(SchedulerConfig config) {
    List<String> facts = new ArrayList<>();
    facts.add(config.className().isEmpty() ? "not named" : config.className());
    for (String option :
        List.of("prediction_type", "beta_schedule", "beta_start", "beta_end", "timestep_spacing")) {
      JsonNode value = config.get(option);
      if (!value.isMissingNode()) {
        facts.add(
            option
                + " "
                + (value.isNumber() ? value.decimalValue().toPlainString() : value.asText()));
      }
    }
    return String.join(", ", facts);
  }
}
