package io.github.lcm4j.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.ControlImage;
import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.ImageRequest;
import io.github.lcm4j.InferenceException;
import io.github.lcm4j.InitImage;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.PipelineBuilder;
import io.github.lcm4j.Precision;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.SafetensorsWriter;
import io.github.lcm4j.spi.DiffusionModel.Part;
import io.github.lcm4j.spi.ModelSpec;
import io.github.lcm4j.tensor.Tensor;
import io.github.lcm4j.tensor.TensorArena;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Networks that are loaded only while they run give the same pictures. */
class LowMemoryTest {
  private static final Path SD15 = Golden.path("models/sd15");

  private static PipelineBuilder builder() {
    return Pipeline.builder()
        .checkpoint(SD15)
        .scheduler("lcm")
        .lora(Golden.path("lora/sd15/kohya-text-encoder.safetensors"))
        .controlNet(Golden.path("workflow/sd15-controlnet"))
        .threads(1);
  }

  @Test
  void picturesAreTheSame() throws IOException {
    ImageRequest request =
        ImageRequest.of("a red apple")
            .steps(4)
            .guidanceScale(1.5)
            .seed(4)
            .initImage(InitImage.of(Calls.image("models/sd15/init.png"), 0.6))
            .controlImages(ControlImage.of(Calls.image("workflow/control.png")));
    try (Pipeline usual = builder().build();
        Pipeline low = builder().lowMemory(true).build()) {
      for (int run = 0; run < 2; run++) {
        assertArrayEquals(
            usual.generate(request).get(0).latents().toFloatArray(),
            low.generate(request).get(0).latents().toFloatArray(),
            "latents of run " + run);
      }
    }
  }

  private static OrtModel model(Path checkpoint) throws IOException {
    return OrtModel.load(
        new ModelSpec(
            Checkpoint.open(checkpoint),
            List.of(),
            false,
            ExecutionProvider.CPU,
            1,
            Map.of(),
            List.of(),
            List.of(),
            null,
            true,
            Precision.FLOAT32));
  }

  private static boolean isLoaded(OrtModel model, String part) {
    return ((OnDemandNetwork) model.network(part)).isLoaded();
  }

  @Test
  void onlyThePartInUseIsLoaded() throws IOException {
    try (OrtModel model = model(SD15)) {
      assertFalse(isLoaded(model, "text_encoder"), "before use");
      encode(model);
      assertFalse(isLoaded(model, "text_encoder"), "after use");
      int held =
          model.whileLoaded(
              Part.TEXT_ENCODERS,
              () -> {
                assertFalse(isLoaded(model, "text_encoder"), "before the first run");
                encode(model);
                return (isLoaded(model, "text_encoder") ? 1 : 0)
                    + model.whileLoaded(
                        Part.TEXT_ENCODERS, () -> isLoaded(model, "text_encoder") ? 1 : 0)
                    + (isLoaded(model, "text_encoder") ? 1 : 0)
                    + (isLoaded(model, "vae") ? 10 : 0);
              });
      assertEquals(3, held, "the encoder alone is held, also after an inner hold has ended");
      assertFalse(isLoaded(model, "text_encoder"), "after the last hold");
      assertThrows(
          IllegalStateException.class,
          () ->
              model.whileLoaded(
                  Part.TEXT_ENCODERS,
                  () -> {
                    encode(model);
                    throw new IllegalStateException();
                  }));
      assertFalse(isLoaded(model, "text_encoder"), "after a failure");
    }
  }

  private static void encode(OrtModel model) {
    model.textEncoders().get(0).encode(Tensor.of(new long[77], 1, 77), 0, true);
  }

  @Test
  void damagedPartIsRefusedBeforeItIsUsed(@TempDir Path folder) throws IOException {
    Golden.assemble(folder, "models/sd15", Map.of());
    Path config = folder.resolve("unet/config.json");
    Files.writeString(
        config,
        Files.readString(config)
            .replace("\"cross_attention_dim\": 16", "\"cross_attention_dim\": 24"));
    IOException error = assertThrows(IOException.class, () -> model(folder));
    assertTrue(error.getMessage().contains("attn2"), error.getMessage());
  }

  /** Folding shows it, and that happens when the part is used. */
  @Test
  void loraWithoutEffectIsRefusedAtItsFirstUse(@TempDir Path folder) throws IOException {
    SafetensorsFile lora =
        SafetensorsFile.open(Golden.path("lora/sd15/kohya-text-encoder.safetensors"));
    Map<String, Tensor> zeros = new LinkedHashMap<>();
    for (String name : lora.names()) {
      Tensor tensor = lora.tensor(name);
      zeros.put(
          name,
          name.contains("lora_up") ? Tensor.allocate(tensor.dtype(), tensor.shape()) : tensor);
    }
    Path file = folder.resolve("zero.safetensors");
    SafetensorsWriter.write(file, zeros, Map.of());
    try (Pipeline pipeline =
        Pipeline.builder().checkpoint(SD15).lora(file).lowMemory(true).threads(1).build()) {
      InferenceException error =
          assertThrows(
              InferenceException.class, () -> pipeline.generate(ImageRequest.of("a").steps(1)));
      assertTrue(error.getMessage().contains(file.toString()), error.getMessage());
      assertTrue(error.getMessage().contains("all of them are zero"), error.getMessage());
    }
  }

  @Test
  void onlyThePartAskedForIsFolded() throws IOException {
    Checkpoint checkpoint = Checkpoint.open(SD15);
    LoraFold fold =
        new LoraFold(
            Map.of(
                "unet", checkpoint.require("unet").openWeights(),
                "text_encoder", checkpoint.require("text_encoder").openWeights()),
            List.of(LoraSpec.of(Golden.path("lora/sd15/kohya-text-encoder.safetensors"))),
            false);
    assertEquals(Set.of("unet", "text_encoder"), fold.footprint().parts());
    try (TensorArena arena = new TensorArena()) {
      Map<String, Tensor> changed = fold.changed("text_encoder").fold(arena);
      assertFalse(changed.isEmpty());
      assertTrue(
          checkpoint.require("text_encoder").openWeights().names().containsAll(changed.keySet()));
      String name = changed.keySet().iterator().next();
      Map<String, Tensor> again = fold.changed("text_encoder").fold(arena);
      assertNotSame(changed.get(name), again.get(name), "folded anew");
    }
  }
}
