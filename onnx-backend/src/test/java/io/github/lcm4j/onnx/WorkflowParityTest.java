package io.github.lcm4j.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.AdapterImage;
import io.github.lcm4j.ControlImage;
import io.github.lcm4j.GeneratedImage;
import io.github.lcm4j.ImageRequest;
import io.github.lcm4j.InitImage;
import io.github.lcm4j.InpaintMask;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.PipelineBuilder;
import io.github.lcm4j.Precision;
import io.github.lcm4j.PromptOptions;
import io.github.lcm4j.StrengthMode;
import io.github.lcm4j.TextualInversion;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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
  void imageToImageMatches(Case test, @TempDir Path folder) throws IOException {
    JsonNode mode = test.call().path("mode");
    StrengthMode chosen = mode.isNull() ? null : StrengthMode.valueOf(mode.asText());
    ImageRequest request = test.request();
    try (Pipeline pipeline = pipeline(test, folder)) {
      compare(test, pipeline.generate(request.initImage(request.initImage().strengthMode(chosen))));
    }
  }

  static Stream<Case> inpainting() throws IOException {
    return cases("inpaint");
  }

  @ParameterizedTest
  @MethodSource("inpainting")
  void inpaintingMatches(Case test, @TempDir Path folder) throws IOException {
    ImageRequest request = masked(test);
    try (Pipeline pipeline = pipeline(test, folder)) {
      compare(test, pipeline.generate(request));
    }
  }

  /** The overlay of diffusers' image processor, within 2 of 255, and the rest bit for bit. */
  @Test
  void keepsPixelsOutsideTheMask(@TempDir Path folder) throws IOException {
    Case test = cases("inpaint").filter(c -> c.name().equals("ddim-blur")).findFirst().get();
    ImageRequest request = masked(test);
    InitImage init = request.initImage();
    try (Pipeline pipeline = pipeline(test, folder)) {
      BufferedImage picture =
          pipeline
              .generate(request.initImage(init.mask(init.mask().keepUnmasked(true))))
              .get(0)
              .image();
      Golden.assertSamePicture("overlay", Golden.path("workflow/overlay.png"), picture, 2);
      // A square that the blurred mask does not reach.
      for (int y = 27; y < 43; y++) {
        for (int x = 53; x < 64; x++) {
          assertEquals(init.image().getRGB(x, y), picture.getRGB(x, y), x + ", " + y);
        }
      }
    }
  }

  static Stream<Case> controlNets() throws IOException {
    return cases("controlnet");
  }

  @ParameterizedTest
  @MethodSource("controlNets")
  void controlNetsMatch(Case test, @TempDir Path folder) throws IOException {
    PipelineBuilder builder = builder(test, folder);
    List<ControlImage> images = new ArrayList<>();
    for (JsonNode control : test.call().path("controls")) {
      builder.controlNet(Golden.path("workflow/" + control.path("net").asText()));
      images.add(
          ControlImage.of(Calls.image("workflow/" + control.path("image").asText() + ".png"))
              .conditioningScale(control.path("scale").asDouble())
              .guidance(control.path("start").asDouble(), control.path("end").asDouble()));
    }
    ImageRequest request =
        test.call().path("model").asText().equals("sd15-inpaint") ? masked(test) : test.request();
    try (Pipeline pipeline = builder.build()) {
      compare(test, pipeline.generate(request.controlImages(images.toArray(ControlImage[]::new))));
    }
  }

  /** A pipeline with ControlNets and a request without pictures: as if they were not there. */
  @Test
  void controlNetsWithoutPicturesDoNothing() throws IOException {
    Path model = Golden.path("models/sd15");
    ImageRequest request = ImageRequest.of("a red apple").steps(2).seed(3);
    try (Pipeline plain = Pipeline.builder().checkpoint(model).threads(1).build();
        Pipeline controlled =
            Pipeline.builder()
                .checkpoint(model)
                .controlNet(Golden.path("workflow/sd15-controlnet"))
                .threads(1)
                .build()) {
      Golden.assertClose(
          "latents",
          plain.generate(request).get(0).latents(),
          controlled.generate(request).get(0).latents(),
          1e-5);
    }
  }

  static Stream<Case> adapters() throws IOException {
    return cases("t2i_adapter");
  }

  @ParameterizedTest
  @MethodSource("adapters")
  void adaptersMatch(Case test, @TempDir Path folder) throws IOException {
    PipelineBuilder builder = builder(test, folder);
    List<AdapterImage> images = new ArrayList<>();
    for (JsonNode adapter : test.call().path("adapters")) {
      builder.t2iAdapter(Golden.path("workflow/" + adapter.path("net").asText()));
      images.add(
          AdapterImage.of(Calls.image("workflow/" + adapter.path("image").asText() + ".png"))
              .conditioningScale(adapter.path("scale").asDouble())
              .conditioningFactor(adapter.path("factor").asDouble()));
    }
    ImageRequest request = test.request().adapterImages(images.toArray(AdapterImage[]::new));
    try (Pipeline pipeline = builder.build()) {
      compare(test, pipeline.generate(request));
    }
  }

  /** Together with a ControlNet, in low memory and half precision, and without pictures. */
  @Test
  void adaptersGoWithEverythingElse() throws IOException {
    ImageRequest request = ImageRequest.of("a red apple").steps(2).seed(3).size(64, 64);
    ImageRequest steered =
        request
            .controlImages(ControlImage.of(Calls.image("workflow/control.png")))
            .adapterImages(AdapterImage.of(Calls.image("workflow/control.png")));
    PipelineBuilder both =
        Pipeline.builder()
            .checkpoint(Golden.path("models/sd15"))
            .controlNet(Golden.path("workflow/sd15-controlnet"))
            .t2iAdapter(Golden.path("workflow/sd15-adapter"))
            .threads(1);
    Tensor bare;
    Tensor full;
    try (Pipeline pipeline =
            Pipeline.builder().checkpoint(Golden.path("models/sd15")).threads(1).build();
        Pipeline able = both.build()) {
      bare = pipeline.generate(request).get(0).latents();
      Golden.assertClose("unused", bare, able.generate(request).get(0).latents(), 1e-5);
      full = able.generate(steered).get(0).latents();
    }
    try (Pipeline low = both.lowMemory(true).build();
        Pipeline half = both.precision(Precision.FLOAT16).build()) {
      Golden.assertClose("low memory", full, low.generate(steered).get(0).latents(), 1e-6);
      Golden.assertClose("half precision", full, half.generate(steered).get(0).latents(), 1e-2);
    }
  }

  @Test
  void decodesInTiles() throws IOException {
    ImageRequest request =
        ImageRequest.of("a red apple, on a blue background!").steps(2).seed(1).size(160, 112);
    try (Pipeline pipeline =
        Pipeline.builder()
            .checkpoint(Golden.path("models/sd15"))
            .scheduler("lcm")
            .vaeTiling(true)
            .threads(1)
            .build()) {
      Golden.assertSamePicture(
          "tiles", Golden.path("workflow/tiled.png"), pipeline.generate(request).get(0).image(), 2);
    }
  }

  @Test
  void encodesInTiles(@TempDir Path folder) throws IOException {
    Case test = cases("tiling").findFirst().get();
    ImageRequest request = test.request();
    InitImage init = InitImage.of(Calls.image("workflow/wide.png"), request.initImage().strength());
    try (Pipeline pipeline = builder(test, folder).vaeTiling(true).build()) {
      compare(test, pipeline.generate(request.initImage(init)));
    }
  }

  static Stream<Case> prompts() throws IOException {
    return cases("prompts");
  }

  @ParameterizedTest
  @MethodSource("prompts")
  void promptsMatch(Case test, @TempDir Path folder) throws IOException {
    JsonNode options = test.call().path("options");
    PipelineBuilder builder = builder(test, folder);
    for (JsonNode inversion : options.path("inversions")) {
      builder.textualInversion(
          new TextualInversion(
              Golden.path("workflow/" + inversion.path(0).asText() + ".safetensors"),
              inversion.path(1).textValue()));
    }
    PromptOptions promptOptions =
        new PromptOptions(
            options.path("weighting").asBoolean(),
            options.path("long").asBoolean(),
            options.path("clip_skip").asInt());
    try (Pipeline pipeline = builder.build()) {
      compare(test, pipeline.generate(test.request().promptOptions(promptOptions)));
    }
  }

  private static ImageRequest masked(Case test) {
    ImageRequest request = test.request();
    InpaintMask mask =
        InpaintMask.of(Calls.image("workflow/mask.png"))
            .blur(test.call().path("mask_blur").asDouble());
    return request.initImage(request.initImage().mask(mask));
  }

  private static Pipeline pipeline(Case test, Path folder) throws IOException {
    return builder(test, folder).build();
  }

  private static PipelineBuilder builder(Case test, Path folder) throws IOException {
    String model = test.call().path("model").asText();
    return Pipeline.builder()
        .checkpoint(
            switch (model) {
              case "sd15-inpaint", "sdxl-three-blocks" ->
                  Golden.assemble(
                      folder,
                      "models/" + model.substring(0, model.indexOf('-')),
                      Map.of("unet", "workflow/" + model + "/unet"));
              default -> Golden.path("models/" + model);
            })
        .scheduler(test.call().path("scheduler").asText())
        .threads(1);
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
