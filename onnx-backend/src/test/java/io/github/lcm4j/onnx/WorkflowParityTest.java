package io.github.lcm4j.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.GeneratedImage;
import io.github.lcm4j.ImageRequest;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.StrengthMode;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Calls of diffusers' pipelines for more than text to image, recorded by the scripts of the
 * workflow folder (see its README): final latents to 1e-3 relative.
 */
class WorkflowParityTest {
  private static final double TOLERANCE = 1e-3;

  record Case(String group, JsonNode call) {
    String name() {
      return call.path("name").asText();
    }

    ImageRequest request() {
      return Calls.request(call.path("arguments"), call.path("seed").asLong());
    }

    @Override
    public String toString() {
      return group + " " + name();
    }
  }

  static Stream<Case> imageToImage() throws IOException {
    return cases("img2img");
  }

  @ParameterizedTest
  @MethodSource("imageToImage")
  void imageToImageMatches(Case test) throws IOException {
    StrengthMode mode = StrengthMode.valueOf(test.call().path("mode").asText());
    ImageRequest request = test.request();
    try (Pipeline pipeline =
        Pipeline.builder()
            .checkpoint(Golden.path("models/" + test.call().path("model").asText()))
            .scheduler(test.call().path("scheduler").asText())
            .threads(1)
            .build()) {
      compare(test, pipeline.generate(request.initImage(request.initImage().strengthMode(mode))));
    }
  }

  private static Stream<Case> cases(String group) throws IOException {
    List<Case> cases = new ArrayList<>();
    for (JsonNode call :
        Calls.MAPPER.readTree(Golden.path("workflow/" + group + ".json").toFile())) {
      cases.add(new Case(group, call));
    }
    return cases.stream();
  }

  private static void compare(Case test, List<GeneratedImage> images) throws IOException {
    Tensor expected =
        SafetensorsFile.open(Golden.path("workflow/" + test.group() + ".safetensors"))
            .tensor(test.name());
    assertEquals(expected.dimension(0), images.size(), test + ": number of pictures");
    for (GeneratedImage image : images) {
      int i = image.index();
      Golden.assertClose(
          test + " latents " + i, expected.rows(i, i + 1), image.latents(), TOLERANCE);
    }
  }
}
