package io.github.lcm4j.onnx;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.GeneratedImage;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whole calls against diffusers' pipelines: every call recorded in a model's {@code expected.json}
 * (see the README beside the models); latents to 1e-3 relative, every channel of every pixel within
 * 2 of 255.
 */
class PipelineParityTest {
  record Call(String model, JsonNode picture) {
    void assertReproduced(Pipeline pipeline) throws IOException {
      Path folder = Golden.path("models/" + model);
      String name = picture.path("name").asText();
      SafetensorsFile expected = SafetensorsFile.open(folder.resolve("expected.safetensors"));
      List<GeneratedImage> images =
          pipeline.generate(
              Calls.request(picture.path("arguments"), picture.path("seed").asLong()));
      for (GeneratedImage image : images) {
        int i = image.index();
        Golden.assertClose(
            this + " latents " + i,
            expected.tensor("pipeline/" + name + "/latents").rows(i, i + 1),
            image.latents(),
            1e-3);
        Golden.assertSamePicture(
            this + " picture " + i, folder.resolve(name + "-" + i + ".png"), image.image(), 2);
      }
    }

    @Override
    public String toString() {
      return model + " " + picture.path("name").asText();
    }
  }

  static Stream<Call> calls() throws IOException {
    List<Call> calls = new ArrayList<>();
    for (String model : List.of("sd15", "sd21-v", "sd15-taesd", "lcm-full", "sdxl", "ssd1b")) {
      JsonNode expected =
          Calls.MAPPER.readTree(Golden.path("models/" + model + "/expected.json").toFile());
      for (JsonNode picture : expected.path("pictures")) {
        calls.add(new Call(model, picture));
      }
    }
    return calls.stream();
  }

  @ParameterizedTest
  @MethodSource("calls")
  void reproducesDiffusers(Call call) throws IOException {
    try (Pipeline pipeline =
        Pipeline.builder()
            .checkpoint(Golden.path("models/" + call.model()))
            .scheduler(call.picture().path("scheduler").asText())
            .threads(1)
            .build()) {
      call.assertReproduced(pipeline);
    }
  }
}
