package io.github.lcm4j.scheduler;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.lcm4j.Sampler;
import io.github.lcm4j.SamplingPlan;
import io.github.lcm4j.Scheduler;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * One set-up of a reference file: golden/README.md says how they were made.
 *
 * @param expected what diffusers gave
 * @param tensors the file with the case's tensors, each under {@code NAME/...}
 */
record GoldenCase(JsonNode expected, SafetensorsFile tensors) {
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .disable(JsonWriteFeature.WRITE_NAN_AS_STRINGS)
          .build();

  static List<GoldenCase> load(String name) {
    try {
      SafetensorsFile tensors = SafetensorsFile.open(resource(name + ".safetensors"));
      List<GoldenCase> cases = new ArrayList<>();
      json(name + ".json").get("cases").forEach(node -> cases.add(new GoldenCase(node, tensors)));
      return cases;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static JsonNode json(String name) throws IOException {
    return JSON.readTree(resource(name).toFile());
  }

  static SchedulerConfig config(JsonNode options) {
    try {
      return SchedulerConfig.parse(JSON.writeValueAsString(options));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  static SamplingPlan plan(JsonNode steps, JsonNode arguments) {
    SamplingPlan plan =
        arguments.has("timesteps")
            ? SamplingPlan.ofTimesteps(
                IntStream.range(0, arguments.get("timesteps").size())
                    .mapToLong(i -> arguments.get("timesteps").get(i).asLong())
                    .toArray())
            : SamplingPlan.of(steps.asInt());
    if (arguments.has("strength")) {
      plan = plan.strength(arguments.get("strength").asDouble());
    }
    if (arguments.has("original_inference_steps")) {
      plan = plan.originalInferenceSteps(arguments.get("original_inference_steps").asInt());
    }
    if (arguments.has("eta")) {
      plan = plan.eta(arguments.get("eta").asDouble());
    }
    return plan;
  }

  Scheduler scheduler() {
    return Objects.requireNonNull(
            new DiffusersSchedulers().schedulers().get(expected.get("scheduler").asText()))
        .create(config(expected.get("config")));
  }

  Sampler sampler() {
    return scheduler()
        .sampler(plan(expected.get("num_inference_steps"), expected.get("arguments")));
  }

  boolean has(String tensor) {
    return tensors.contains(name() + "/" + tensor);
  }

  /** A tensor of this case, or one that all cases of the file share. */
  Tensor tensor(String tensor) {
    return tensors.tensor(has(tensor) ? name() + "/" + tensor : "inputs/" + tensor);
  }

  /** The sample that the run begins with. */
  Tensor initial() {
    if (has("initial")) {
      return tensor("initial");
    }
    float sigma = (float) expected.get("init_noise_sigma").asDouble();
    return start() > 0 ? tensor("noised") : Elementwise.map(tensor("normal"), x -> x * sigma);
  }

  /** One entry of a tensor that has one for each step. */
  Tensor tensor(String tensor, int step) {
    Tensor all = tensor(tensor);
    long[] shape = Arrays.copyOfRange(all.shape(), 1, all.rank());
    return all.rows(step, step + 1).reshape(shape);
  }

  /** The index at which the run begins. */
  int start() {
    return expected.path("start").asInt();
  }

  String name() {
    return expected.get("name").asText();
  }

  @Override
  public String toString() {
    return name();
  }

  private static Path resource(String name) {
    try {
      return Path.of(
          Objects.requireNonNull(GoldenCase.class.getResource("/golden/schedulers/" + name), name)
              .toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }
}
