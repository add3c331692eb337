package io.github.lcm4j.lora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.WeightSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * The cases of {@code golden/more}, made by {@code generate.py} there: whole merged weights, with a
 * tolerance of 1e-5 relative to their norm.
 */
class MoreLoraTest {
  private static final Path FOLDER = Golden.folder("more");

  @TestFactory
  List<DynamicTest> mergesAsTheReference() throws IOException {
    SafetensorsFile expected = SafetensorsFile.open(FOLDER.resolve("expected.safetensors"));
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode goldenCase : Golden.json(FOLDER.resolve("expected.json")).path("cases")) {
      String name = goldenCase.path("name").asText();
      tests.add(DynamicTest.dynamicTest(name, () -> checkCase(name, goldenCase, expected)));
    }
    assertEquals(22, tests.size());
    return tests;
  }

  private static void checkCase(String name, JsonNode goldenCase, SafetensorsFile expected)
      throws IOException {
    Map<String, WeightSource> bases = Golden.bases(goldenCase.path("base").asText());
    MergeResult result =
        LoraMerger.create().merge(bases, Golden.specs(FOLDER, goldenCase.path("loras")));
    assertEquals(goldenCase.path("changed_modules").asInt(), result.changedModules());
    int compared = 0;
    for (MergedWeights weights : result.components().values()) {
      compared += weights.touched().size();
    }
    for (String key : expected.names()) {
      if (key.startsWith(name + "/")) {
        String[] parts = key.substring(name.length() + 1).split("/", 2);
        MergedWeights weights = result.component(parts[0]);
        assertTrue(weights.touched().contains(parts[1]), key + " is not touched");
        Golden.assertClose(key, expected.tensor(key), weights.tensor(parts[1]), 1e-5);
        compared--;
      }
    }
    assertEquals(0, compared, "touched weights less expected ones");
  }

  @TestFactory
  List<DynamicTest> refusesDamagedFiles() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode bad : Golden.json(FOLDER.resolve("expected.json")).path("bad")) {
      tests.add(DynamicTest.dynamicTest(bad.path("file").asText(), () -> checkRefused(bad)));
    }
    assertEquals(27, tests.size());
    return tests;
  }

  private static void checkRefused(JsonNode bad) throws IOException {
    Path file = FOLDER.resolve(bad.path("file").asText());
    Map<String, WeightSource> bases = Golden.bases(bad.path("base").asText());
    LoraException e =
        assertThrows(
            LoraException.class,
            () -> LoraMerger.create().merge(bases, List.of(LoraSpec.of(file))));
    assertEquals(file, e.file());
    for (JsonNode part : bad.path("message")) {
      assertTrue(e.getMessage().contains(part.asText()), part + " not in: " + e.getMessage());
    }
  }
}
