package io.github.lcm4j.lora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The cases of {@code golden/lora}: one file per format, merged by the reference. */
class GoldenLoraTest {
  private static final Map<String, String> COMPONENTS =
      Map.of("unet", "unet", "te", "text_encoder", "te2", "text_encoder_2");

  @TestFactory
  List<DynamicTest> mergesAsTheReference() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (String model : List.of("sd15", "sdxl")) {
      Path folder = Golden.folder("lora").resolve(model);
      for (JsonNode goldenCase : Golden.json(folder.resolve("expected.json")).path("cases")) {
        tests.add(
            DynamicTest.dynamicTest(
                model + " " + goldenCase.path("name").asText(),
                () -> checkCase(model, folder, goldenCase)));
      }
    }
    assertEquals(28, tests.size());
    return tests;
  }

  private static void checkCase(String model, Path folder, JsonNode goldenCase) throws IOException {
    Map<String, WeightSource> bases = Golden.bases(model);
    MergeResult result =
        LoraMerger.create().merge(bases, Golden.specs(folder, goldenCase.path("loras")));
    assertEquals(goldenCase.path("changed_modules").asInt(), result.changedModules());
    String prefix = goldenCase.path("name").asText() + "/weight/";
    SafetensorsFile expected = SafetensorsFile.open(folder.resolve("expected.safetensors"));
    int compared = 0;
    for (String name : expected.names()) {
      if (name.startsWith(prefix)) {
        String[] parts = name.substring(prefix.length()).split("/", 2);
        Golden.assertClose(
            name,
            expected.tensor(name),
            weight(result.component(COMPONENTS.get(parts[0])), parts[1] + ".weight"),
            1e-4);
        compared++;
      }
    }
    assertTrue(compared >= 3, "only " + compared + " weights to compare");
    for (MergedWeights weights : result.components().values()) {
      for (String name : weights.names()) {
        if (!weights.touched().contains(name)) {
          assertEquals(weights.base().tensor(name).buffer(), weights.tensor(name).buffer(), name);
        }
      }
    }
  }

  /** Expected names have {@code text_model.}, the checkpoint's may not. */
  private static Tensor weight(WeightSource weights, String name) {
    return weights.tensor(weights.contains(name) ? name : name.replace("text_model.", ""));
  }

  @ParameterizedTest
  @CsvSource({
    "sd15, bad-missing-down, down_blocks_0_attentions_0_proj_in.lora_down.weight",
    "sdxl, bad-missing-down, down_blocks_0_resnets_0_conv1.lora_down.weight",
    "sd15, bad-nan, down_blocks_0_attentions_0_proj_in.lora_down.weight: expected finite",
    "sdxl, bad-nan, down_blocks_0_resnets_0_conv1.lora_down.weight: expected finite",
    "sd15, bad-shape, '.lora_down.weight: expected [4, 8, 1, 1] to fit down_blocks.0.attentions.0.proj_in.weight [8, 8, 1, 1], found [4, 7, 1, 1]'",
    "sdxl, bad-shape, '.lora_down.weight: expected [4, 8, 3, 3] to fit down_blocks.0.resnets.0.conv1.weight [8, 8, 3, 3], found [4, 7, 3, 3]'",
    "sd15, bad-unknown-module, no_such_block_to_q.lora_down.weight: expected a module of the unet",
    "sdxl, bad-unknown-module, no_such_block_to_q.lora_down.weight: expected a module of the unet"
  })
  void refusesDamagedFiles(String model, String name, String message) throws IOException {
    Path file = Golden.folder("lora").resolve(model).resolve(name + ".safetensors");
    Map<String, WeightSource> bases = Golden.bases(model);
    LoraException e =
        assertThrows(
            LoraException.class,
            () -> LoraMerger.create().merge(bases, List.of(LoraSpec.of(file))));
    assertEquals(file, e.file());
    assertTrue(e.getMessage().startsWith(file + ": lora_unet_"), e.getMessage());
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }
}
