package io.github.lcm4j.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lcm4j.AdapterImage;
import io.github.lcm4j.ControlImage;
import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.ImageRequest;
import io.github.lcm4j.InitImage;
import io.github.lcm4j.InpaintMask;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.PipelineBuilder;
import io.github.lcm4j.PromptOptions;
import io.github.lcm4j.StrengthMode;
import io.github.lcm4j.TextualInversion;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.safetensors.SafetensorsWriter;
import io.github.lcm4j.spi.ModelSpec;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What does not fit is refused with one message that names it, and the pipeline goes on. */
class RequestRefusalTest {
  private static final ImageRequest REQUEST = ImageRequest.of("a red apple").seed(1);

  private Pipeline pipeline;

  private void open(Path checkpoint, String scheduler) throws IOException {
    pipeline = Pipeline.builder().checkpoint(checkpoint).scheduler(scheduler).threads(1).build();
  }

  @AfterEach
  void close() {
    if (pipeline != null) {
      pipeline.close();
    }
  }

  private static BufferedImage image(int width, int height) {
    return new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
  }

  private static void assertNames(IllegalArgumentException error, String... parts) {
    for (String part : parts) {
      assertTrue(
          error.getMessage().contains(part),
          "expected '%s' in: %s".formatted(part, error.getMessage()));
    }
  }

  private void assertRefused(ImageRequest request, String... parts) {
    assertNames(
        assertThrows(IllegalArgumentException.class, () -> pipeline.generate(request)), parts);
    ImageRequest good = REQUEST.initImage(InitImage.of(image(64, 64), 1)).steps(1);
    assertEquals(1, pipeline.generate(good).size(), "the pipeline after a refusal");
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, -0.1, 1.01, Double.NaN, Double.POSITIVE_INFINITY})
  void strengthOutOfRange(double strength) {
    assertNames(
        assertThrows(IllegalArgumentException.class, () -> InitImage.of(image(64, 64), strength)),
        "strength",
        Double.toString(strength));
  }

  @Test
  void maskOfAnotherSize() {
    InpaintMask mask = InpaintMask.of(image(64, 32));
    assertNames(
        assertThrows(
            IllegalArgumentException.class, () -> InitImage.of(image(64, 64), 1).mask(mask)),
        "mask",
        "64×32",
        "64×64");
  }

  @ParameterizedTest
  @ValueSource(doubles = {-1, 5000, Double.NaN})
  void blurOutOfRange(double blur) {
    assertNames(
        assertThrows(
            IllegalArgumentException.class, () -> InpaintMask.of(image(64, 64)).blur(blur)),
        "blur",
        Double.toString(blur));
  }

  @Test
  void imageOfAnotherSize() throws IOException {
    open(Golden.path("models/sd15"), "lcm");
    InitImage init = InitImage.of(image(72, 64), 0.5);
    assertRefused(REQUEST.initImage(init).size(64, 64), "72×64", "64×64", "resize");
  }

  @Test
  void imageOfAnOddSize() throws IOException {
    open(Golden.path("models/sd15"), "lcm");
    InitImage init = InitImage.of(image(70, 64), 0.5);
    assertRefused(REQUEST.initImage(init), "70×64", "multiple of 8", "72×64", "resize");
  }

  @Test
  void sizeBeyondAnyTensor() throws IOException {
    open(Golden.path("models/sd15"), "LCMScheduler");
    assertRefused(REQUEST.size(16000, 16000), "16000×16000", "3072000000 bytes", "2 GiB");
  }

  /** Both kinds of text encoder are asked for the last token they know, and one beyond. */
  @ParameterizedTest
  @ValueSource(strings = {"models/sd15", "onnx/sd15-torchscript"})
  void tokensBeyondTheVocabulary(String checkpoint) throws IOException {
    ModelSpec spec =
        new ModelSpec(
            Checkpoint.open(Golden.path(checkpoint)), List.of(), false, ExecutionProvider.CPU, 1);
    try (OrtModel model = OrtModel.load(spec)) {
      TextEncoder encoder = model.textEncoders().get(0);
      long[] ids = new long[77];
      ids[76] = 2047;
      encoder.encode(Tensor.of(ids, 1, 77), 0, true);
      for (long unknown : new long[] {2048, -1}) {
        ids[76] = unknown;
        assertNames(
            assertThrows(
                IllegalArgumentException.class,
                () -> encoder.encode(Tensor.of(ids, 1, 77), 0, true)),
            "text_encoder knows 2048 tokens",
            "found the id " + unknown);
      }
      assertNames(
          assertThrows(
              IllegalArgumentException.class,
              () -> encoder.encode(Tensor.of(new long[78], 1, 78), 0, true)),
          "text_encoder takes at most 77 tokens, found 78");
    }
  }

  /** A value of another type must not count as a default. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "unet | block_out_channels | \"many\" | a list of whole numbers",
        "unet | down_block_types | 3 | a list of",
        "unet | layers_per_block | \"x\" | a whole number of at least 1",
        "unet | attention_head_dim | 0 | a whole number of at least 1",
        "unet | cross_attention_dim | [16, \"x\"] | a whole number of at least 1",
        "unet | transformer_layers_per_block | \"x\" | a whole number",
        "unet | norm_num_groups | \"x\" | a whole number",
        "unet | only_cross_attention | 7 | true or false",
        "unet | sample_size | \"x\" | a whole number",
        "unet | act_fn | \"sulu\" | one of gelu",
        "unet | time_embedding_act_fn | \"sulu\" | one of gelu",
        "text_encoder | hidden_act | \"sulu\" | one of gelu",
        "vae | act_fn | \"sulu\" | one of gelu",
        "vae | block_out_channels | 8 | a list of whole numbers"
      })
  void configurationOfAnotherType(
      String part, String key, String value, String expected, @TempDir Path folder)
      throws IOException {
    Golden.assemble(folder, "models/sd15", Map.of());
    Path file = folder.resolve(part).resolve("config.json");
    ObjectNode config = (ObjectNode) Calls.MAPPER.readTree(file.toFile());
    config.set(key, Calls.MAPPER.readTree(value));
    Calls.MAPPER.writeValue(file.toFile(), config);
    String message = assertThrows(Exception.class, () -> open(folder, "LCMScheduler")).getMessage();
    assertTrue(message.startsWith("%s: %s must be %s".formatted(file, key, expected)), message);
    assertTrue(message.endsWith(", found " + config.get(key)), message);
  }

  @Test
  void missingConfiguration(@TempDir Path folder) throws IOException {
    Golden.assemble(folder, "models/sd15", Map.of());
    Path file = folder.resolve("unet/config.json");
    Files.delete(file);
    String message =
        assertThrows(CheckpointException.class, () -> open(folder, "LCMScheduler")).getMessage();
    assertTrue(message.startsWith(file + " is missing"), message);
  }

  @Test
  void strengthThatLeavesNoStep() throws IOException {
    open(Golden.path("models/sd15"), "lcm");
    InitImage init = InitImage.of(image(64, 64), 0.2);
    assertRefused(REQUEST.initImage(init).steps(4), "0.2", "4 steps", "0.25", "5 steps");
  }

  @Test
  void strengthForASchedulerThatDoesNotReadIt() throws IOException {
    open(Golden.path("models/sd15"), "ddim");
    InitImage init = InitImage.of(image(64, 64), 0.5).strengthMode(StrengthMode.LCM);
    assertRefused(REQUEST.initImage(init), "DDIMScheduler", "LCMScheduler", "CUT_SCHEDULE");
  }

  @Test
  void inpaintingModelWithoutMask(@TempDir Path folder) throws IOException {
    Map<String, String> parts = Map.of("unet", "workflow/sd15-inpaint/unet");
    open(Golden.assemble(folder, "models/sd15", parts), "lcm");
    assertNames(
        assertThrows(IllegalArgumentException.class, () -> pipeline.generate(REQUEST)),
        "inpainting",
        "mask");
  }

  @Test
  void layersThatAreNotThere() throws IOException {
    open(Golden.path("models/sd15"), "lcm");
    assertRefused(
        REQUEST.promptOptions(PromptOptions.DEFAULT.clipSkip(9)), "text_encoder", "3 layers", "9");
  }

  @ParameterizedTest
  @CsvSource({
    "sd15, inversion-sdxl, , one tensor",
    "sdxl, inversion-web-ui, , clip_l and clip_g",
    "sd15, inversion-web-ui, apple, apple",
    "sd15, mask, , mask"
  })
  void textualInversionThatDoesNotFit(String model, String file, String token, String named) {
    PipelineBuilder builder =
        Pipeline.builder()
            .checkpoint(Golden.path("models/" + model))
            .textualInversion(
                new TextualInversion(
                    Golden.path(
                        "workflow/" + file + (file.equals("mask") ? ".png" : ".safetensors")),
                    token));
    IOException error = assertThrows(IOException.class, builder::build);
    assertTrue(error.getMessage().contains(named), error.getMessage());
  }

  @Test
  void textualInversionOfAnotherWidth(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("wide.safetensors");
    Tensor vectors = Tensor.of(new float[48], 2, 24);
    SafetensorsWriter.write(file, Map.of("emb_params", vectors), Map.of());
    PipelineBuilder builder =
        Pipeline.builder().checkpoint(Golden.path("models/sd15")).textualInversion(file);
    IOException error = assertThrows(IOException.class, builder::build);
    for (String part : new String[] {"wide.safetensors", "emb_params", "[2, 24]", "16"}) {
      assertTrue(error.getMessage().contains(part), error.getMessage());
    }
  }

  private void openWithControlNet(String controlNet) throws IOException {
    pipeline =
        Pipeline.builder()
            .checkpoint(Golden.path("models/sd15"))
            .scheduler("lcm")
            .controlNet(Golden.path("workflow/" + controlNet))
            .threads(1)
            .build();
  }

  @Test
  void colourForAGreyControlNet() throws IOException {
    openWithControlNet("sd15-controlnet-gray");
    assertRefused(
        REQUEST.controlImages(ControlImage.of(image(64, 64))), "3 channels", "takes 1", "grey");
  }

  @Test
  void controlImageOfAnotherSize() throws IOException {
    openWithControlNet("sd15-controlnet");
    ControlImage control = ControlImage.of(image(64, 72));
    assertRefused(REQUEST.size(64, 64).controlImages(control), "control image 0", "64×72", "64×64");
    assertRefused(
        REQUEST.initImage(InitImage.of(image(64, 64), 1)).controlImages(control), "64×72");
  }

  @Test
  void anotherNumberOfControlImages() throws IOException {
    openWithControlNet("sd15-controlnet");
    ControlImage control = ControlImage.of(image(64, 64));
    assertRefused(REQUEST.controlImages(control, control), "2 control images", "1 ControlNets");
  }

  @ParameterizedTest
  @CsvSource({"-0.1, 1", "0, 1.1", "0.5, 0.5", "0.8, 0.2", "NaN, 1"})
  void controlGuidanceOutOfOrder(double start, double end) {
    ControlImage control = ControlImage.of(image(64, 64));
    assertNames(
        assertThrows(IllegalArgumentException.class, () -> control.guidance(start, end)),
        "guidanceStart",
        Double.toString(start));
  }

  @ParameterizedTest
  @CsvSource({
    "sd21-v, workflow/sd15-controlnet, layers_per_block",
    "sdxl, workflow/sd15-controlnet, another family",
    "sd15, models/sd15/vae, AutoencoderKL",
    "sd15, models/sd15, config.json"
  })
  void controlNetThatDoesNotFit(String model, String controlNet, String named) {
    PipelineBuilder builder =
        Pipeline.builder()
            .checkpoint(Golden.path("models/" + model))
            .controlNet(Golden.path(controlNet));
    IOException error = assertThrows(IOException.class, builder::build);
    assertTrue(error.getMessage().contains(named), error.getMessage());
  }

  @Test
  void adapterImageThatDoesNotFit() throws IOException {
    pipeline =
        Pipeline.builder()
            .checkpoint(Golden.path("models/sd15"))
            .scheduler("lcm")
            .t2iAdapter(Golden.path("workflow/sd15-adapter-light"))
            .threads(1)
            .build();
    AdapterImage colour = AdapterImage.of(image(64, 64));
    assertRefused(REQUEST.adapterImages(colour), "3 channels", "takes 1", "grey");
    assertRefused(REQUEST.size(72, 64).adapterImages(colour), "adapter image 0", "64×64");
    assertRefused(REQUEST.adapterImages(colour, colour), "2 adapter images", "1 T2I-Adapters");
  }

  @Test
  void adapterImageOfASizeItsAdapterCannotDivide(@TempDir Path folder) throws IOException {
    pipeline =
        Pipeline.builder()
            .checkpoint(
                Golden.assemble(
                    folder, "models/sdxl", Map.of("unet", "workflow/sdxl-three-blocks/unet")))
            .t2iAdapter(Golden.path("workflow/sdxl-adapter"))
            .threads(1)
            .build();
    BufferedImage gray = new BufferedImage(72, 64, BufferedImage.TYPE_BYTE_GRAY);
    assertRefused(REQUEST.adapterImages(AdapterImage.of(gray)), "72×64", "multiples of 16");
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.1, 1.1, Double.NaN})
  void adapterFactorOutOfRange(double factor) {
    AdapterImage adapter = AdapterImage.of(image(64, 64));
    assertNames(
        assertThrows(IllegalArgumentException.class, () -> adapter.conditioningFactor(factor)),
        "conditioningFactor",
        Double.toString(factor));
  }

  @ParameterizedTest
  @CsvSource({
    "sdxl, workflow/sd15-adapter, 1/8",
    "sd15, workflow/sdxl-adapter, down block 0",
    "sd15, workflow/sd15-controlnet, ControlNetModel"
  })
  void adapterThatDoesNotFit(String model, String adapter, String named) {
    PipelineBuilder builder =
        Pipeline.builder()
            .checkpoint(Golden.path("models/" + model))
            .t2iAdapter(Golden.path(adapter));
    IOException error = assertThrows(IOException.class, builder::build);
    assertTrue(error.getMessage().contains(named), error.getMessage());
  }
}
