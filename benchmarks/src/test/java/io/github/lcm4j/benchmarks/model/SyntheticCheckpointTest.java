package io.github.lcm4j.benchmarks.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.GeneratedImage;
import io.github.lcm4j.ImageRequest;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.PipelineBuilder;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import io.github.lcm4j.tokenizer.ClipTokenizer;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SyntheticCheckpointTest {
  private static final Path TINY = Path.of("src/test/resources/tiny");
  private static final int RANK = 4;

  @TempDir Path folder;

  /** The whole way: the networks take every tensor, the tokenizer fits, the numbers stay finite. */
  @ParameterizedTest
  @CsvSource({"sd15, FLOAT32", "sd15, FLOAT16", "sd15, BFLOAT16", "sdxl, FLOAT32", "sdxl, FLOAT16"})
  void pipelineDrawsWithAndWithoutLora(String name, DType dtype) throws IOException {
    Architecture tiny = Architecture.read(TINY.resolve(name));
    Path checkpoint = folder.resolve("checkpoint");
    Path lora = folder.resolve("lora.safetensors");
    SyntheticCheckpoint.write(tiny, dtype, checkpoint);
    SyntheticLora.write(tiny.unet(), RANK, lora);

    PipelineBuilder base = Pipeline.builder().checkpoint(checkpoint).threads(1);
    Tensor guided;
    try (Pipeline pipeline = base.build()) {
      guided = draw(pipeline, tiny, 7.5);
    }
    Tensor folded;
    try (Pipeline pipeline = base.lora(lora).scheduler("LCMScheduler").build()) {
      assertTrue(
          pipeline.loraReports().get(0).contains(SyntheticLora.layers(tiny.unet()) + " "),
          () -> "layers changed: " + pipeline.loraReports());
      folded = draw(pipeline, tiny, 1);
    }
    assertTrue(distance(guided, folded) > 1e-3, "LoRA and guidance must change the latents");
  }

  private static Tensor draw(Pipeline pipeline, Architecture tiny, double guidanceScale) {
    List<GeneratedImage> images =
        pipeline.generate(
            ImageRequest.of("a red apple").steps(2).guidanceScale(guidanceScale).seed(7));
    assertEquals(tiny.nativeSize(), images.get(0).image().getWidth(), "width");
    Tensor latents = images.get(0).latents();
    FloatBuffer values = latents.floats();
    for (int i = 0; i < values.capacity(); i++) {
      float value = values.get(i);
      int index = i;
      assertTrue(Float.isFinite(value), () -> "latent %d is %s".formatted(index, value));
    }
    return latents;
  }

  private static double distance(Tensor a, Tensor b) {
    double largest = 0;
    for (int i = 0; i < a.elementCount(); i++) {
      largest = Math.max(largest, Math.abs(a.floats().get(i) - b.floats().get(i)));
    }
    return largest;
  }

  @Test
  void weightsHaveTheAnnouncedVarianceAndAreTheSameAgain() throws IOException {
    Architecture tiny = Architecture.read(TINY.resolve("sd15"));
    SyntheticCheckpoint.write(tiny, DType.FLOAT32, folder.resolve("first"));
    SyntheticCheckpoint.write(tiny, DType.FLOAT32, folder.resolve("second"));
    WeightSource first = Checkpoint.open(folder.resolve("first")).require("unet").openWeights();
    WeightSource second = Checkpoint.open(folder.resolve("second")).require("unet").openWeights();
    long elements = 0;
    for (String name : first.names()) {
      assertArrayEquals(
          first.tensor(name).toFloatArray(), second.tensor(name).toFloatArray(), name);
      elements += first.info(name).elementCount();
    }
    assertEquals(tiny.unet().parameters(), elements, "parameters");

    // 64 channels of 3×3: variance 1/576, over 64·576 numbers known to about one percent.
    String name = "down_blocks.1.resnets.0.conv1.weight";
    float[] values = first.tensor("mid_block.resnets.0.conv1.weight").toFloatArray();
    double sum = 0;
    for (float value : values) {
      sum += (double) value * value;
    }
    assertEquals(1.0 / 576, sum / values.length, 0.05 / 576, name);
  }

  @Test
  void aNetworkKnowsItsFile() throws IOException {
    Architecture sd15 = Architecture.read(TINY.resolve("sd15"));
    Architecture sdxl = Architecture.read(TINY.resolve("sdxl"));
    SyntheticCheckpoint.write(sd15, DType.FLOAT16, folder.resolve("c"));
    WeightSource unet = Checkpoint.open(folder.resolve("c")).require("unet").openWeights();
    assertTrue(sd15.unet().describes(unet));
    assertFalse(sdxl.unet().describes(unet));
    WeightSource vae = Checkpoint.open(folder.resolve("c")).require("vae").openWeights();
    assertFalse(sd15.vaeDecoder().describes(vae), "the file holds the encoder too");
  }

  @Test
  void tokenizerFillsUpToTheEncodersLength() throws IOException {
    Architecture tiny = Architecture.read(TINY.resolve("sdxl"));
    SyntheticCheckpoint.write(tiny, DType.FLOAT16, folder.resolve("c"));
    long[] first = ClipTokenizer.open(folder.resolve("c/tokenizer")).encode("hi");
    long[] second = ClipTokenizer.open(folder.resolve("c/tokenizer_2")).encode("hi");
    // h is the 72nd printable byte after '!', i ends the word; the special tokens come last.
    assertArrayEquals(new long[] {518, 71, 256 + 72, 519, 519}, head(first));
    assertArrayEquals(new long[] {518, 71, 256 + 72, 519, 0}, head(second));
    assertEquals(77, first.length);
  }

  private static long[] head(long[] ids) {
    return java.util.Arrays.copyOf(ids, 5);
  }

  @Test
  void loraHasKohyasKeysAndShapes() throws IOException {
    Architecture tiny = Architecture.read(TINY.resolve("sd15"));
    Path file = folder.resolve("lora.safetensors");
    SyntheticLora.write(tiny.unet(), RANK, file);
    WeightSource lora = SafetensorsFile.open(file);
    String conv = "lora_unet_down_blocks_0_downsamplers_0_conv";
    assertArrayEquals(new long[] {RANK, 32, 3, 3}, lora.info(conv + ".lora_down.weight").shape());
    assertArrayEquals(new long[] {32, RANK, 1, 1}, lora.info(conv + ".lora_up.weight").shape());
    String linear = "lora_unet_up_blocks_1_attentions_0_transformer_blocks_0_ff_net_0_proj";
    assertArrayEquals(new long[] {RANK, 32}, lora.info(linear + ".lora_down.weight").shape());
    assertEquals(8f, lora.tensor(linear + ".alpha").toFloatArray()[0]);
    assertEquals(3L * SyntheticLora.layers(tiny.unet()), lora.names().size());
  }

  @Test
  void nothingIsLeftWhenItFails() throws IOException {
    Architecture tiny = Architecture.read(TINY.resolve("sd15"));
    Path place = folder.resolve("taken");
    Files.createDirectories(place.resolve("something"));
    assertThrows(IOException.class, () -> SyntheticCheckpoint.write(tiny, DType.FLOAT16, place));
    try (Stream<Path> left = Files.list(folder)) {
      assertEquals(List.of(place), left.toList());
    }
  }
}
