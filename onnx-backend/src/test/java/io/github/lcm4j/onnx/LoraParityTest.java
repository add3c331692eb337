package io.github.lcm4j.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.GeneratedImage;
import io.github.lcm4j.ImageRequest;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.spi.ModelSpec;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * UNet outputs and LCM pictures with LoRAs folded in, against diffusers with the same weights
 * merged (see the README beside the LoRA files): outputs to 1e-4 relative, latents to 1e-3,
 * pictures within 2 of 255.
 */
class LoraParityTest {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  record Case(String base, JsonNode node) {
    String name() {
      return node.path("name").asText();
    }

    List<LoraSpec> loras() {
      List<LoraSpec> specs = new ArrayList<>();
      for (JsonNode lora : node.path("loras")) {
        specs.add(
            LoraSpec.of(
                Golden.path("lora/" + base + "/" + lora.path("file").asText()),
                lora.path("weight").asDouble()));
      }
      return specs;
    }

    /** Draws the recorded picture with a pipeline that has the LoRAs folded in. */
    void assertPicture(Pipeline pipeline) throws IOException {
      SafetensorsFile expected =
          SafetensorsFile.open(Golden.path("lora/" + base + "/expected.safetensors"));
      JsonNode call = node.path("picture");
      GeneratedImage image =
          pipeline
              .generate(
                  ImageRequest.of(call.path("prompt").asText())
                      .seed(call.path("seed").asLong())
                      .steps(call.path("num_inference_steps").asInt())
                      .guidanceScale(call.path("guidance_scale").asDouble())
                      .size(call.path("width").asInt(), call.path("height").asInt()))
              .get(0);
      Golden.assertClose(
          this + " latents", expected.tensor(name() + "/latents"), image.latents(), 1e-3);
      Golden.assertSamePicture(
          this + " picture", Golden.path("lora/" + base + "/" + name() + ".png"), image.image(), 2);
    }

    @Override
    public String toString() {
      return base + " " + name();
    }
  }

  static Stream<Case> cases() throws IOException {
    List<Case> cases = new ArrayList<>();
    for (String base : List.of("sd15", "sdxl")) {
      JsonNode expected = MAPPER.readTree(Golden.path("lora/" + base + "/expected.json").toFile());
      expected.path("cases").forEach(node -> cases.add(new Case(base, node)));
    }
    return cases.stream();
  }

  static Stream<Case> pictures() throws IOException {
    return cases().filter(c -> c.node().has("picture"));
  }

  private static OrtModel load(String base, List<LoraSpec> loras) throws IOException {
    Checkpoint checkpoint = Checkpoint.open(Golden.path("models/" + base));
    return OrtModel.load(new ModelSpec(checkpoint, loras, false, ExecutionProvider.CPU, 1));
  }

  private static Tensor evaluate(OrtModel model, SafetensorsFile inputs) {
    Tensor out = Tensor.allocate(DType.FLOAT32, inputs.info("unet/square/out").shape());
    model.network("unet").run(UnetInputs.read(inputs, "unet/square/"), Map.of("out_sample", out));
    return out;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void unetMatches(Case c) throws IOException {
    SafetensorsFile inputs =
        SafetensorsFile.open(Golden.path("models/" + c.base() + "/expected.safetensors"));
    SafetensorsFile expected =
        SafetensorsFile.open(Golden.path("lora/" + c.base() + "/expected.safetensors"));
    try (OrtModel model = load(c.base(), c.loras())) {
      Golden.assertClose(
          c + " UNet", expected.tensor(c.name() + "/unet_out"), evaluate(model, inputs), 1e-4);
      assertEquals(c.loras().size(), model.loraReports().size());
    }
  }

  @ParameterizedTest
  @MethodSource("pictures")
  void pictureMatches(Case c) throws IOException {
    try (Pipeline base =
            Pipeline.builder()
                .checkpoint(Golden.path("models/" + c.base()))
                .scheduler("LCMScheduler")
                .threads(1)
                .build();
        Pipeline pipeline = base.withLoras(c.loras())) {
      c.assertPicture(pipeline);
    }
  }

  @Test
  void swappingSharesWhatIsUntouchedAndComesBackExactly() throws IOException {
    SafetensorsFile inputs = SafetensorsFile.open(Golden.path("models/sd15/expected.safetensors"));
    List<LoraSpec> lcm = List.of(LoraSpec.of(Golden.path("lora/sd15/kohya-lcm.safetensors")));
    List<LoraSpec> text =
        List.of(LoraSpec.of(Golden.path("lora/sd15/kohya-text-encoder.safetensors")));
    OrtModel base = load("sd15", List.of());
    OrtModel first = (OrtModel) base.withLoras(lcm);
    assertSame(base.network("vae"), first.network("vae"));
    assertSame(base.network("text_encoder"), first.network("text_encoder"));
    assertNotSame(base.network("unet"), first.network("unet"));
    Tensor before = evaluate(first, inputs);
    base.close(); // either may be closed first
    OrtModel other = (OrtModel) first.withLoras(text);
    assertNotSame(first.network("text_encoder"), other.network("text_encoder"));
    OrtModel again = (OrtModel) other.withLoras(lcm);
    assertSame(first.network("unet"), again.network("unet"), "recent combinations are kept");
    Golden.assertClose("after swapping", before, evaluate(again, inputs), 0);
    first.close();
    other.close();
    Golden.assertClose("after the others closed", before, evaluate(again, inputs), 0);
    again.close();
  }
}
