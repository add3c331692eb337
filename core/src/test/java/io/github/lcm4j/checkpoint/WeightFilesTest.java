package io.github.lcm4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.github.lcm4j.safetensors.SafetensorsException;
import io.github.lcm4j.safetensors.SafetensorsWriter;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WeightFilesTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "diffusion_pytorch_model.safetensors",
        "model.safetensors",
        "diffusion_pytorch_model.fp16.safetensors",
        "model.fp16.safetensors",
        "model.bf16.safetensors",
        "diffusion_pytorch_model.non_ema.safetensors"
      })
  void opensASingleFile(String name) throws Exception {
    weights(name, 5);
    WeightSource weights = open();
    assertEquals(folder.resolve(name).toString(), weights.description());
    assertEquals(5, weights.tensor("a").floats().get(0));
  }

  @ParameterizedTest
  @CsvSource({
    "diffusion_pytorch_model.safetensors.index.json, diffusion_pytorch_model-00001-of-00002",
    "model.safetensors.index.json, model-00001-of-00002",
    "diffusion_pytorch_model.fp16.safetensors.index.json, diffusion_pytorch_model.fp16-00001-of-00002",
    "diffusion_pytorch_model.safetensors.index.fp16.json, diffusion_pytorch_model.fp16-00001-of-00002",
    "model.safetensors.index.fp16.json, model.fp16-00001-of-00002"
  })
  void opensShards(String index, String first) throws Exception {
    String second = first.replace("00001", "00002");
    SafetensorsWriter.write(
        folder.resolve(first + ".safetensors"),
        Map.of("a", Tensor.of(new float[] {1}, 1)),
        Map.of());
    SafetensorsWriter.write(
        folder.resolve(second + ".safetensors"),
        Map.of("b", Tensor.of(new float[] {2}, 1)),
        Map.of());
    Files.writeString(
        folder.resolve(index),
        "{\"weight_map\": {\"a\": \"%s.safetensors\", \"b\": \"%s.safetensors\"}}"
            .formatted(first, second));
    WeightSource weights = open();
    assertEquals(folder.resolve(index).toString(), weights.description());
    assertEquals(Set.of("a", "b"), weights.names());
    assertEquals(2, weights.tensor("b").floats().get(0));
  }

  @Test
  void fullPrecisionGoesBeforeItsVariants() throws Exception {
    weights("diffusion_pytorch_model.fp16.safetensors", 1);
    weights("diffusion_pytorch_model.non_ema.safetensors", 2);
    weights("model.safetensors", 3);
    assertEquals(3, open().tensor("a").floats().get(0));
    weights("diffusion_pytorch_model.safetensors", 4);
    assertEquals(4, open().tensor("a").floats().get(0));
  }

  @Test
  void aFolderWithoutWeightsIsRefusedWithWhatIsThere() throws Exception {
    assertNoWeights("found nothing");
    Files.writeString(folder.resolve("config.json"), "{}");
    assertNoWeights("found config.json");
    Files.writeString(folder.resolve("diffusion_pytorch_model.bin"), "");
    assertNoWeights("config.json, diffusion_pytorch_model.bin; PyTorch's own files");
  }

  private void assertNoWeights(String part) {
    CheckpointException e = assertThrows(CheckpointException.class, this::open);
    assertTrue(e.getMessage().startsWith(folder + " holds no weights"), e.getMessage());
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }

  @Test
  void aDamagedFileIsRefusedThoughAVariantIsThere() throws Exception {
    weights("model.fp16.safetensors", 1);
    Files.writeString(folder.resolve("model.safetensors"), "");
    SafetensorsException e = assertThrows(SafetensorsException.class, this::open);
    assertTrue(e.getMessage().contains("model.safetensors is truncated"), e.getMessage());
  }

  private void weights(String name, float value) throws Exception {
    SafetensorsWriter.write(
        folder.resolve(name), Map.of("a", Tensor.of(new float[] {value}, 1)), Map.of());
  }

  private WeightSource open() throws Exception {
    return new Component("unet", "", folder, JsonNodeFactory.instance.objectNode(), null)
        .openWeights();
  }
}
