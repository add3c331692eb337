package io.github.lcm4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import io.github.lcm4j.tensor.TensorArena;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class LoraMergerTest {
  private static final LoraMerger LENIENT = LoraMerger.builder().lenient(true).build();

  private static Path sd15(String name) {
    return Golden.folder("lora/sd15/" + name + ".safetensors");
  }

  private static Path more(String name) {
    return Golden.folder("more/" + name + ".safetensors");
  }

  private static MergeResult merge(LoraMerger merger, LoraSpec... loras) throws IOException {
    return merger.merge(Golden.bases("sd15"), List.of(loras));
  }

  private static String refusal(LoraMerger merger, String model, LoraSpec lora) throws IOException {
    Map<String, WeightSource> bases = Golden.bases(model);
    return assertThrows(LoraException.class, () -> merger.merge(bases, List.of(lora))).getMessage();
  }

  @Test
  void withoutLorasEverythingIsTheBase() throws IOException {
    MergeResult result = merge(LoraMerger.create());
    assertEquals(0, result.changedModules());
    assertEquals(List.of(), result.report().files());
    assertEquals(List.of("unet", "text_encoder"), List.copyOf(result.components().keySet()));
  }

  @Test
  void lenientReportsWhatStrictRefuses() throws IOException {
    MergeResult lenient = merge(LENIENT, LoraSpec.of(sd15("bad-unknown-module")));
    MergeResult clean = merge(LoraMerger.create(), LoraSpec.of(sd15("kohya-lcm")));
    assertEquals(117, lenient.changedModules());
    for (String name : clean.component("unet").touched()) {
      assertArrayEquals(
          clean.component("unet").tensor(name).toFloatArray(),
          lenient.component("unet").tensor(name).toFloatArray(),
          name);
    }
    MergeReport.FileReport report = lenient.report().files().get(0);
    assertEquals(117, report.changed().get("unet").size());
    assertEquals(
        List.of(
            "lora_unet_no_such_block_to_q.lora_down.weight",
            "lora_unet_no_such_block_to_q.lora_up.weight"),
        List.copyOf(report.ignored().keySet()));
    assertTrue(
        lenient.report().toString().contains("no_such_block_to_q"), lenient.report().toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "alpha-alone",
        "no-bias",
        "oft",
        "bundled-embedding",
        "zero",
        "second-text-encoder",
        "flux"
      })
  void lenientTakesFilesWithKeysThatFindNothing(String name) throws IOException {
    MergeResult result = merge(LENIENT, LoraSpec.of(more("bad/" + name)));
    MergeReport.FileReport report = result.report().files().get(0);
    assertEquals(name.equals("zero"), report.ignored().isEmpty(), report.toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"loha-incomplete", "lokr-shape", "infinite", "nan-alpha", "twice", "not-a-lora"})
  void lenientRefusesDamagedFiles(String name) throws IOException {
    refusal(LENIENT, "sd15", LoraSpec.of(more("bad/" + name)));
  }

  @Test
  void weightZeroLeavesTheBase() throws IOException {
    MergeResult result =
        merge(LoraMerger.create(), LoraSpec.of(sd15("kohya-text-encoder")).textEncoderWeight(0));
    assertEquals(12, result.changedModules());
    assertTrue(result.component("text_encoder").touched().isEmpty());
    assertEquals(
        "has weight 0",
        result
            .report()
            .files()
            .get(0)
            .ignored()
            .get("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight"));
    assertEquals(0, merge(LoraMerger.create(), LoraSpec.of(sd15("kohya-lcm"), 0)).changedModules());
  }

  @Test
  void refusesBlockWeightsThatMatchNothing() throws IOException {
    LoraSpec typo = LoraSpec.of(sd15("kohya-lcm")).blockWeights(Map.of("down_block.1", 0.5));
    String message = refusal(LoraMerger.create(), "sd15", typo);
    assertTrue(message.contains("down_block.1: is the start of no module"), message);
    assertEquals(
        List.of("blockWeights.down_block.1"),
        List.copyOf(merge(LENIENT, typo).report().files().get(0).ignored().keySet()));
  }

  @ParameterizedTest
  @CsvSource({
    "sd15, sdxl/kohya-lcm, 'for Stable Diffusion XL, the checkpoint is Stable Diffusion 1.x'",
    "sd15, sdxl/peft-attention, 'for Stable Diffusion XL, the checkpoint is Stable Diffusion 1.x'",
    "sdxl, sd15/kohya-lcm, 'for Stable Diffusion 1.x or 2.x, the checkpoint is Stable Diffusion XL'"
  })
  void saysThatALoraIsForAnotherBase(String model, String file, String hint) throws IOException {
    Path path = Golden.folder("lora/" + file + ".safetensors");
    String message = refusal(LoraMerger.create(), model, LoraSpec.of(path));
    assertTrue(message.contains(hint), message);
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"FLOAT16", "BFLOAT16"})
  void castsHalfPrecisionWeightsOnce(DType type) throws IOException {
    MapWeights half = MapWeights.cast(Golden.bases("sd15").get("unet"), type);
    MapWeights wide = MapWeights.cast(half, DType.FLOAT32);
    for (String name : List.of("lora/sd15/kohya-lcm", "lora/sd15/dora-out", "more/magnitudes")) {
      List<LoraSpec> loras = List.of(LoraSpec.of(Golden.folder(name + ".safetensors"), 0.8));
      MergedWeights found =
          LoraMerger.create().merge(Map.of("unet", half), loras).component("unet");
      MergedWeights expected =
          LoraMerger.create().merge(Map.of("unet", wide), loras).component("unet");
      assertEquals(expected.touched(), found.touched());
      for (String tensor : expected.touched()) {
        assertEquals(type, found.tensor(tensor).dtype());
        assertEquals(
            expected.tensor(tensor).cast(type).buffer(), found.tensor(tensor).buffer(), tensor);
      }
    }
  }

  @Test
  void refusesToOverflowFloat16() throws IOException {
    Map<String, WeightSource> bases =
        Map.of("unet", MapWeights.cast(Golden.bases("sd15").get("unet"), DType.FLOAT16));
    LoraSpec strong = LoraSpec.of(sd15("peft-attention"), 1e6);
    LoraException e =
        assertThrows(LoraException.class, () -> LoraMerger.create().merge(bases, List.of(strong)));
    assertTrue(e.getMessage().contains("float16 holds at most 65504"), e.getMessage());
  }

  /** Weights larger than a block must come out as those that fit one. */
  @Test
  void blockSizeDoesNotMatter() throws IOException {
    LoraMerger small = LoraMerger.builder().blockElements(40).build();
    JsonNode cases = Golden.json(Golden.folder("more/expected.json")).path("cases");
    for (JsonNode goldenCase : cases) {
      Map<String, WeightSource> bases = Golden.bases(goldenCase.path("base").asText());
      List<LoraSpec> loras = Golden.specs(Golden.folder("more"), goldenCase.path("loras"));
      MergeResult expected = LoraMerger.create().merge(bases, loras);
      MergeResult found = small.merge(bases, loras);
      for (String component : bases.keySet()) {
        for (String name : expected.component(component).touched()) {
          Golden.assertClose(
              goldenCase.path("name").asText() + " " + name,
              expected.component(component).tensor(name),
              found.component(component).tensor(name),
              1e-6);
        }
      }
    }
  }

  /** Six weights that more/large changes. */
  private static Map<String, Tensor> largeWeights() {
    Random random = new Random(1);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (int i = 0; i < 6; i++) {
      float[] values = new float[512 * 512];
      for (int j = 0; j < values.length; j++) {
        values[j] = random.nextFloat() - 0.5f;
      }
      tensors.put("mid_block.attentions.%d.proj.weight".formatted(i), Tensor.of(values, 512, 512));
    }
    return tensors;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4})
  void foldsIntoAnArena(int threads) throws IOException {
    Map<String, Tensor> tensors = largeWeights();
    Map<String, WeightSource> bases = Map.of("unet", new MapWeights(tensors));
    List<LoraSpec> loras = List.of(LoraSpec.of(more("large")));
    LoraMerger merger = LoraMerger.builder().threads(threads).build();
    MergedWeights expected = LoraMerger.create().merge(bases, loras).component("unet");
    try (TensorArena arena = new TensorArena()) {
      Map<String, Tensor> found = merger.fold(merger.prepare(bases, loras), "unet", arena);
      assertEquals(tensors.keySet(), found.keySet());
      for (String name : tensors.keySet()) {
        assertArrayEquals(expected.tensor(name).shape(), found.get(name).shape(), name);
        assertEquals(expected.tensor(name).buffer(), found.get(name).buffer(), name);
      }
    }
  }

  /** Else the threads would write to memory that the caller has given back. */
  @Test
  void returnsFromAnInterruptionWhenAllThreadsHaveEnded() throws Exception {
    CountDownLatch started = new CountDownLatch(2);
    AtomicInteger active = new AtomicInteger();
    AtomicInteger products = new AtomicInteger();
    MatrixProduct slow =
        (scale, a, b, c, m, k, n) -> {
          products.incrementAndGet();
          active.incrementAndGet();
          started.countDown();
          long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(100);
          while (System.nanoTime() < end) {
            Thread.onSpinWait();
          }
          active.decrementAndGet();
        };
    LoraMerger merger = LoraMerger.builder().threads(2).matrixProduct(slow).build();
    Map<String, WeightSource> bases = Map.of("unet", new MapWeights(largeWeights()));
    FutureTask<Integer> fold =
        new FutureTask<>(
            () -> {
              try (TensorArena arena = new TensorArena()) {
                DeferredMerge merge = merger.prepare(bases, List.of(LoraSpec.of(more("large"))));
                assertThrows(InterruptedIOException.class, () -> merger.fold(merge, "unet", arena));
                return active.get();
              }
            });
    Thread thread = new Thread(fold);
    thread.start();
    started.await();
    thread.interrupt();
    assertEquals(0, fold.get(), "products at work after the return");
    assertTrue(products.get() < 6, "weights that were not begun are left");
  }

  @Test
  void threadsDoNotMatter() throws IOException {
    Map<String, Tensor> tensors = largeWeights();
    Map<String, WeightSource> bases = Map.of("unet", new MapWeights(tensors));
    Path file = more("large");
    MergedWeights one =
        LoraMerger.builder()
            .threads(1)
            .build()
            .merge(bases, List.of(LoraSpec.of(file)))
            .component("unet");
    MergedWeights four =
        LoraMerger.builder()
            .threads(4)
            .build()
            .merge(bases, List.of(LoraSpec.of(file)))
            .component("unet");
    assertEquals(tensors.keySet(), four.touched());
    for (String name : tensors.keySet()) {
      assertEquals(one.tensor(name).buffer(), four.tensor(name).buffer(), name);
      assertFalse(tensors.get(name).buffer().equals(four.tensor(name).buffer()), name);
    }
  }

  @Test
  void usesTheGivenProduct() throws IOException {
    AtomicInteger calls = new AtomicInteger();
    MatrixProduct counting =
        (scale, a, b, c, m, k, n) -> {
          calls.incrementAndGet();
          MatrixProduct.plainJava().multiplyAdd(scale, a, b, c, m, k, n);
        };
    merge(
        LoraMerger.builder().matrixProduct(counting).build(), LoraSpec.of(sd15("peft-attention")));
    assertEquals(48, calls.get());
  }

  @Test
  void touchedTensorsLieInNoFile() throws IOException {
    MergedWeights unet =
        merge(LoraMerger.create(), LoraSpec.of(sd15("full-diff"))).component("unet");
    String touched = "mid_block.resnets.0.conv1.weight";
    assertTrue(unet.touchedModules().contains("mid_block.resnets.0.conv1"));
    assertEquals(-1, unet.info(touched).offset());
    assertArrayEquals(new long[] {16, 16, 3, 3}, unet.info(touched).shape());
    assertEquals(unet.base().info("conv_in.weight"), unet.info("conv_in.weight"));
  }
}
