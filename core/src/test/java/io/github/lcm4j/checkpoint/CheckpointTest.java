package io.github.lcm4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointTest {
  @TempDir Path folder;

  @Test
  void aDiffusersFolder() throws Exception {
    write(
        "model_index.json",
        """
        {"_class_name": "StableDiffusionXLPipeline", "vae": ["diffusers", "AutoencoderKL"],
         "unet": ["diffusers", "OtherUNet"], "feature_extractor": [null, null]}
        """);
    write("unet/config.json", "{\"_class_name\": \"UNet2DConditionModel\", \"in_channels\": 4}");
    write("text_encoder/config.json", "{\"architectures\": [\"CLIPTextModel\"]}");
    write("text_encoder_2/config.json", "{}");
    write("vae/config.json", "{}");
    write("scheduler/scheduler_config.json", "{\"_class_name\": \"LCMScheduler\"}");
    write("tokenizer/vocab.json", "{}");

    Checkpoint checkpoint = Checkpoint.open(folder);
    assertEquals(folder, checkpoint.folder());
    assertEquals(
        List.of("unet", "text_encoder", "text_encoder_2", "vae"),
        List.copyOf(checkpoint.components().keySet()));
    assertEquals("UNet2DConditionModel", checkpoint.require("unet").className());
    assertEquals("CLIPTextModel", checkpoint.require("text_encoder").className());
    assertEquals("AutoencoderKL", checkpoint.require("vae").className());
    assertEquals("", checkpoint.require("text_encoder_2").className());
    assertFalse(checkpoint.require("unet").isOnnx());
    assertEquals(folder.resolve("vae"), checkpoint.require("vae").folder());
    assertEquals("LCMScheduler", checkpoint.schedulerConfig().className());
    assertEquals(
        "StableDiffusionXLPipeline", checkpoint.modelIndex().path("_class_name").textValue());
    assertTrue(checkpoint.component("controlnet").isEmpty());
    assertRefused(
        () -> checkpoint.require("controlnet"), folder.toString(), "controlnet", "text_encoder_2");
  }

  @Test
  void aBrokenSchedulerConfigurationSaysWhere() throws Exception {
    write("unet/config.json", "{}");
    for (String broken :
        List.of("{\"a\": 1,\n \"b\"", "{\"a\": [1, 2", "{\"a\": {\"b\": 3", "{\"a\": nope}")) {
      write("scheduler/scheduler_config.json", broken);
      CheckpointException e =
          assertThrows(CheckpointException.class, () -> Checkpoint.open(folder).schedulerConfig());
      assertTrue(
          e.getMessage().startsWith(folder.resolve("scheduler/scheduler_config.json") + " is not"),
          e.getMessage());
      assertTrue(e.getMessage().matches("(?s).*; line \\d+, column \\d+"), e.getMessage());
      assertFalse(e.getMessage().contains("Source"), e.getMessage());
    }
  }

  @Test
  void weightsNeedTheirConfiguration() throws Exception {
    write("unet/diffusion_pytorch_model.safetensors", "");
    Checkpoint checkpoint = Checkpoint.open(folder);
    assertRefused(
        checkpoint::openWeights, folder.resolve("unet/config.json").toString(), "is missing");
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"many\"", "[]", "[8.5]", "[null]", "4"})
  void listsAreOfWholeNumbers(String value) throws Exception {
    write("unet/config.json", "{\"widths\": %s, \"good\": [8, 16.0]}".formatted(value));
    Component unet = Checkpoint.open(folder).require("unet");
    assertEquals(List.of(8, 16), unet.intsOr("good", List.of()));
    assertEquals(List.of(1), unet.intsOr("missing", List.of(1)));
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> unet.intsOr("widths", List.of()));
    assertEquals(
        "%s: widths must be a list of whole numbers, found %s"
            .formatted(folder.resolve("unet/config.json"), value),
        e.getMessage());
  }

  @Test
  void anOnnxFolder() throws Exception {
    for (String part : List.of("unet", "text_encoder", "vae_decoder", "vae_encoder")) {
      write(part + "/model.onnx", "");
    }
    write("model_index.json", "{\"unet\": [\"diffusers\", \"OnnxRuntimeModel\"]}");
    Checkpoint checkpoint = Checkpoint.open(folder);
    for (Component component : checkpoint.components().values()) {
      assertTrue(component.isOnnx(), component.name());
      assertEquals(component.folder().resolve("model.onnx"), component.onnxFile());
    }
    assertEquals(4, checkpoint.components().size());
    assertEquals("OnnxRuntimeModel", checkpoint.require("unet").className());
  }

  @Test
  void aUnetAloneIsEnoughToOpen() throws Exception {
    Files.createDirectory(folder.resolve("unet"));
    Checkpoint checkpoint = Checkpoint.open(folder);
    assertEquals("", checkpoint.require("unet").className());
    assertTrue(checkpoint.modelIndex().isEmpty());
    assertRefused(checkpoint::schedulerConfig, folder.toString(), "scheduler_config.json");
    assertRefused(
        () -> checkpoint.require("unet").requireInt("in_channels"),
        folder.resolve("unet").resolve("config.json").toString(),
        "is missing or empty",
        "in_channels");
  }

  @Test
  void whatIsNoCheckpointIsRefused() throws Exception {
    assertRefused(() -> Checkpoint.open(folder), folder.toString(), "no folder unet");
    Path missing = folder.resolve("missing");
    assertRefused(() -> Checkpoint.open(missing), missing.toString(), "does not exist");
    write("model.safetensors", "");
    Path file = folder.resolve("model.safetensors");
    assertRefused(() -> Checkpoint.open(file), file.toString(), "is not a folder");
  }

  @Test
  void brokenJsonIsRefusedByFile() throws Exception {
    write("unet/config.json", "{");
    Path config = folder.resolve("unet").resolve("config.json");
    assertRefused(() -> Checkpoint.open(folder), config.toString(), "not valid JSON");
    write("unet/config.json", "[]");
    assertRefused(() -> Checkpoint.open(folder), config.toString(), "JSON object");
    write("unet/config.json", "");
    assertRefused(() -> Checkpoint.open(folder), config.toString(), "JSON object");
    write("unet/config.json", "{}");
    write("model_index.json", "{\"a\": }");
    Path index = folder.resolve("model_index.json");
    assertRefused(() -> Checkpoint.open(folder), index.toString(), "not valid JSON");
  }

  @Test
  void optionsAreReadByType() throws Exception {
    write(
        "unet/config.json",
        """
        {"whole": 4, "float": 4.0, "fraction": 1.5, "huge": 1e12, "null": null,
         "text": "silu", "yes": true, "list": [1, 2]}
        """);
    Component unet = Checkpoint.open(folder).require("unet");
    assertEquals(4, unet.requireInt("whole"));
    assertEquals(4, unet.requireInt("float"));
    assertEquals(4, unet.intOr("whole", 7));
    assertEquals(7, unet.intOr("null", 7));
    assertEquals(7, unet.intOr("missing", 7));
    assertEquals(1.5, unet.doubleOr("fraction", 0));
    assertEquals(4, unet.doubleOr("whole", 0));
    assertEquals(0.5, unet.doubleOr("null", 0.5));
    assertTrue(unet.booleanOr("yes", false));
    assertTrue(unet.booleanOr("null", true));
    assertEquals("silu", unet.textOr("text", "gelu"));
    assertEquals("gelu", unet.textOr("missing", "gelu"));

    String file = folder.resolve("unet").resolve("config.json").toString();
    assertRefused(() -> unet.requireInt("missing"), file, "missing", "found nothing");
    assertRefused(() -> unet.requireInt("null"), file, "null", "found null");
    assertRefused(() -> unet.requireInt("fraction"), file, "fraction", "found 1.5");
    assertRefused(() -> unet.requireInt("huge"), file, "huge", "whole number");
    assertRefused(() -> unet.requireInt("text"), file, "text", "found \"silu\"");
    assertWrongType(() -> unet.intOr("list", 1), file, "list", "[1,2]");
    assertWrongType(() -> unet.doubleOr("text", 1), file, "text", "a number");
    assertWrongType(() -> unet.booleanOr("whole", true), file, "whole", "true or false");
    assertWrongType(() -> unet.textOr("yes", ""), file, "yes", "a string");
  }

  private void write(String name, String content) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, content);
  }

  private static void assertRefused(Executable action, String... parts) {
    assertMentions(assertThrows(CheckpointException.class, action), parts);
  }

  private static void assertWrongType(Executable action, String... parts) {
    assertMentions(assertThrows(IllegalArgumentException.class, action), parts);
  }

  private static void assertMentions(Exception e, String... parts) {
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), () -> e + " does not mention " + part);
    }
  }
}
