package io.github.lcm4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.Cancellation;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.SafetensorsWriter;
import io.github.lcm4j.safetensors.TensorEntry;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CancellationException;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Merged checkpoints on disk, against {@code golden/lora} and against merging in memory. */
class CheckpointMergerTest {
  private static final String UNET = "unet/diffusion_pytorch_model.safetensors";

  @TempDir Path folder;

  private static Path model(String name) {
    return Golden.folder("models").resolve(name);
  }

  private static LoraSpec sd15(String lora) {
    return LoraSpec.of(Golden.folder("lora/sd15/" + lora + ".safetensors"));
  }

  private WrittenCheckpoint merge(Path base, LoraSpec... loras) throws IOException {
    MergeRequest request = new MergeRequest(base, List.of(loras), false, false);
    return CheckpointMerger.write(request, folder.resolve("merged"));
  }

  /** Places of all files below a folder. */
  private static Set<String> files(Path root) throws IOException {
    try (Stream<Path> walk = Files.walk(root)) {
      return walk.filter(Files::isRegularFile)
          .map(file -> root.relativize(file).toString().replace('\\', '/'))
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  private void assertNothingLeft(String... expected) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      assertEquals(
          Set.of(expected),
          entries.map(entry -> entry.getFileName().toString()).collect(Collectors.toSet()));
    }
  }

  @TestFactory
  List<DynamicTest> writesWhatTheReferenceMerges() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (String model : List.of("sd15", "sdxl")) {
      Path loras = Golden.folder("lora").resolve(model);
      for (JsonNode golden : Golden.json(loras.resolve("expected.json")).path("cases")) {
        String name = golden.path("name").asText();
        tests.add(
            DynamicTest.dynamicTest(model + " " + name, () -> checkCase(model, loras, golden)));
      }
    }
    assertEquals(28, tests.size());
    return tests;
  }

  private void checkCase(String model, Path loras, JsonNode golden) throws IOException {
    String name = golden.path("name").asText();
    List<LoraSpec> specs = Golden.specs(loras, golden.path("loras"));
    Path target = folder.resolve(model + name);
    WrittenCheckpoint written =
        CheckpointMerger.write(new MergeRequest(model(model), specs, false, false), target);
    MergeResult result = LoraMerger.create().merge(Golden.bases(model), specs);
    assertEquals(result.report(), written.report());

    Checkpoint merged = Checkpoint.open(target);
    SafetensorsFile expected = SafetensorsFile.open(loras.resolve("expected.safetensors"));
    Set<String> changedFiles = new TreeSet<>();
    int compared = 0;
    for (Map.Entry<String, MergedWeights> part : result.components().entrySet()) {
      WeightSource found = merged.require(part.getKey()).openWeights();
      WeightSource base = part.getValue().base();
      assertEquals(List.copyOf(base.names()), List.copyOf(found.names()), part.getKey());
      assertEquals(base.metadata(), found.metadata(), part.getKey());
      for (String tensor : base.names()) {
        assertEquals(base.info(tensor).type(), found.info(tensor).type(), tensor);
        assertArrayEquals(base.info(tensor).shape(), found.info(tensor).shape(), tensor);
        assertEquals(
            part.getValue().tensor(tensor).buffer(), found.tensor(tensor).buffer(), tensor);
        String reference = reference(name, part.getKey(), tensor);
        if (expected.contains(reference)) {
          Golden.assertClose(reference, expected.tensor(reference), found.tensor(tensor), 1e-4);
          compared++;
        }
      }
      if (!part.getValue().touched().isEmpty()) {
        base.files().forEach(file -> changedFiles.add(place(model, file)));
      }
    }
    assertTrue(compared >= 3, "only " + compared + " weights to compare");
    for (String file : written.files().keySet().stream().map(Path::toString).toList()) {
      long mismatch = Files.mismatch(model(model).resolve(file), target.resolve(file));
      assertEquals(!changedFiles.contains(file), mismatch < 0, file);
    }
    Set<String> all = files(model(model));
    all.remove("expected.safetensors"); // at the top, where whole models in one file lie
    assertEquals(all, files(target));
  }

  private static String place(String model, Path file) {
    return model(model).relativize(file).toString();
  }

  private static String reference(String name, String component, String tensor) {
    String short_ = component.replace("text_encoder", "te").replace("te_2", "te2");
    String module = tensor.replaceFirst("\\.weight$", "");
    return "%s/weight/%s/%s%s"
        .formatted(
            name,
            short_,
            short_.startsWith("te") && !module.startsWith("text_") ? "text_model." : "",
            module);
  }

  /** A copy of sd15 with a UNet in another type, or in two shards. */
  private Path base(DType dtype, boolean sharded) throws IOException {
    Path base = folder.resolve("base");
    for (String file : files(model("sd15"))) {
      Files.createDirectories(base.resolve(file).getParent());
      Files.copy(model("sd15").resolve(file), base.resolve(file));
    }
    SafetensorsFile unet = SafetensorsFile.open(model("sd15").resolve(UNET));
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    unet.names().forEach(name -> tensors.put(name, unet.tensor(name).cast(dtype)));
    Files.delete(base.resolve(UNET));
    if (!sharded) {
      SafetensorsWriter.write(base.resolve(UNET), tensors, Map.of("format", "pt"));
      return base;
    }
    Map<Boolean, List<TensorEntry>> shards =
        tensors.entrySet().stream()
            .map(entry -> TensorEntry.of(entry.getKey(), entry.getValue()))
            .collect(Collectors.partitioningBy(entry -> entry.name().startsWith("up_blocks")));
    List<String> map = new ArrayList<>();
    for (boolean up : List.of(false, true)) {
      String shard = "diffusion_pytorch_model-0000%d-of-00002.safetensors".formatted(up ? 2 : 1);
      SafetensorsWriter.write(
          base.resolve("unet").resolve(shard), shards.get(up), Map.of("format", "pt"));
      shards.get(up).forEach(e -> map.add("\"%s\": \"%s\"".formatted(e.name(), shard)));
    }
    Files.writeString(
        base.resolve("unet/diffusion_pytorch_model.safetensors.index.json"),
        "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {%s}}"
            .formatted(String.join(",", map)));
    return base;
  }

  @ParameterizedTest
  @CsvSource({"FLOAT16, false", "BFLOAT16, false", "FLOAT16, true"})
  void halfPrecisionIsRoundedOnce(DType dtype, boolean sharded) throws IOException {
    Path base = base(dtype, sharded);
    merge(base, sd15("kohya-lcm"));
    Map<String, WeightSource> bases = Checkpoint.open(base).openWeights();
    MergedWeights wide =
        LoraMerger.builder()
            .keepFloat32(true)
            .build()
            .merge(bases, List.of(sd15("kohya-lcm")))
            .component("unet");
    WeightSource found = Checkpoint.open(folder.resolve("merged")).require("unet").openWeights();
    assertFalse(wide.touched().isEmpty());
    for (String name : wide.names()) {
      assertEquals(dtype, found.info(name).dtype(), name);
      assertEquals(wide.tensor(name).cast(dtype).buffer(), found.tensor(name).buffer(), name);
    }
  }

  @Test
  void shardsStayShards() throws IOException {
    Path base = base(DType.FLOAT32, true);
    Path merged =
        merge(base, sd15("peft-attention").blockWeights(Map.of("up_blocks", 0.0))).folder();
    assertEquals(files(base.resolve("unet")), files(merged.resolve("unet")));
    String first = "unet/diffusion_pytorch_model-00001-of-00002.safetensors";
    String second = "unet/diffusion_pytorch_model-00002-of-00002.safetensors";
    String index = "unet/diffusion_pytorch_model.safetensors.index.json";
    assertEquals(-1, Files.mismatch(base.resolve(index), merged.resolve(index)));
    assertEquals(-1, Files.mismatch(base.resolve(second), merged.resolve(second)));
    assertTrue(Files.mismatch(base.resolve(first), merged.resolve(first)) >= 0);
    assertEquals(
        SafetensorsFile.open(base.resolve(first)).names(),
        SafetensorsFile.open(merged.resolve(first)).names());
    WeightSource found = Checkpoint.open(merged).require("unet").openWeights();
    MergedWeights expected =
        LoraMerger.create()
            .merge(
                Golden.bases("sd15"),
                List.of(sd15("peft-attention").blockWeights(Map.of("up_blocks", 0.0))))
            .component("unet");
    for (String name : expected.names()) {
      assertEquals(expected.tensor(name).buffer(), found.tensor(name).buffer(), name);
    }
  }

  /** Someone would load them and draw with the base. */
  @Test
  void otherVariantsOfChangedWeightsAreLeftOut() throws IOException {
    Path base = base(DType.FLOAT32, false);
    for (String stale :
        List.of(
            "v1-5.ckpt",
            "v1-5.safetensors",
            "unet/diffusion_pytorch_model.fp16.safetensors",
            "unet/diffusion_pytorch_model.bin",
            "unet/diffusion_pytorch_model.fp16.safetensors.index.json",
            ".git/config",
            "unet/.lock")) {
      Files.createDirectories(base.resolve(stale).getParent());
      Files.writeString(base.resolve(stale), "stale");
    }
    Files.writeString(base.resolve("text_encoder/pytorch_model.bin"), "of unchanged weights");
    Path merged = merge(base, sd15("kohya-lcm")).folder();
    Set<String> expected = files(model("sd15"));
    expected.remove("expected.safetensors");
    expected.add("text_encoder/pytorch_model.bin");
    assertEquals(expected, files(merged));
  }

  @ParameterizedTest
  @ValueSource(strings = {"bad-missing-down", "bad-nan", "bad-shape", "bad-unknown-module"})
  void aDamagedLoraLeavesNothing(String name) throws IOException {
    LoraException e =
        assertThrows(
            LoraException.class, () -> merge(model("sd15"), sd15("kohya-lcm"), sd15(name)));
    assertEquals(sd15(name).file(), e.file());
    assertNothingLeft();
  }

  @Test
  void lenientIsAsForPipelines() throws IOException {
    WrittenCheckpoint written =
        CheckpointMerger.write(
            MergeRequest.of(model("sd15"))
                .lora(sd15("bad-unknown-module").file())
                .lenientLoras(true),
            folder.resolve("merged"));
    assertEquals(2, written.report().files().get(0).ignored().size());
    assertEquals(117, written.report().files().get(0).changedModules());
  }

  @Test
  void whatIsThereIsReplacedOnlyWhenAskedFor() throws IOException {
    Path target = folder.resolve("merged");
    merge(model("sd15"), sd15("kohya-lcm"));
    Files.writeString(target.resolve("unet/mine.txt"), "mine");
    IOException e =
        assertThrows(IOException.class, () -> merge(model("sd15"), sd15("lycoris-loha")));
    assertTrue(e.getMessage().contains(target + ": exists already"), e.getMessage());
    assertTrue(Files.exists(target.resolve("unet/mine.txt")));

    MergeRequest again = MergeRequest.of(model("sd15")).overwrite(true);
    LoraSpec nan = sd15("bad-nan");
    assertThrows(LoraException.class, () -> CheckpointMerger.write(again.lora(nan), target));
    assertTrue(Files.exists(target.resolve("unet/mine.txt")), "a failure leaves what was there");
    assertNothingLeft("merged");

    CheckpointMerger.write(again.lora(sd15("lycoris-loha")), target);
    assertFalse(Files.exists(target.resolve("unet/mine.txt")));
    Tensor expected =
        LoraMerger.create()
            .merge(Golden.bases("sd15"), List.of(sd15("lycoris-loha")))
            .component("unet")
            .tensor("conv_in.weight");
    assertEquals(
        expected.buffer(),
        SafetensorsFile.open(target.resolve(UNET)).tensor("conv_in.weight").buffer());
    assertNothingLeft("merged");
  }

  @Test
  void onlyCheckpointsAreOverwritten() throws IOException {
    Path documents = Files.createDirectories(folder.resolve("documents"));
    Files.writeString(documents.resolve("letter.txt"), "dear");
    MergeRequest request = MergeRequest.of(model("sd15")).lora(sd15("kohya-lcm")).overwrite(true);
    IOException e =
        assertThrows(IOException.class, () -> CheckpointMerger.write(request, documents));
    assertTrue(e.getMessage().contains(documents + ": is no checkpoint"), e.getMessage());
    assertEquals(Set.of("letter.txt"), files(documents));
    assertNothingLeft("documents");
    Files.delete(documents.resolve("letter.txt"));
    CheckpointMerger.write(request, documents);
    assertTrue(Files.exists(documents.resolve(UNET)));
  }

  @Test
  void neitherTheBaseNorALoraIsOverwritten() throws IOException {
    Path base = base(DType.FLOAT32, false);
    Path lora = base.resolve("lora.safetensors");
    Files.copy(sd15("kohya-lcm").file(), lora);
    Set<String> before = files(folder);
    MergeRequest own = MergeRequest.of(base).lora(sd15("kohya-lcm")).overwrite(true);
    MergeRequest others = MergeRequest.of(model("sd15")).lora(lora).overwrite(true);
    for (Path target : List.of(base, base.resolve("unet"), base.resolve("new"), folder)) {
      IOException e = assertThrows(IOException.class, () -> CheckpointMerger.write(own, target));
      assertTrue(e.getMessage().contains("mixed up with " + base), e.getMessage());
    }
    IOException e = assertThrows(IOException.class, () -> CheckpointMerger.write(others, base));
    assertTrue(e.getMessage().contains("mixed up with " + lora), e.getMessage());
    assertEquals(before, files(folder));
  }

  @Test
  void anUnwritableTargetIsNamed() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "");
    for (Path parent : List.of(file, folder.resolve("missing"))) {
      Path target = parent.resolve("merged");
      MergeRequest request = MergeRequest.of(model("sd15")).lora(sd15("kohya-lcm"));
      IOException e =
          assertThrows(IOException.class, () -> CheckpointMerger.write(request, target));
      assertTrue(
          e.getMessage().contains("%s: cannot be written, the folder %s".formatted(target, parent)),
          e.getMessage());
    }
    assertNothingLeft("file");
  }

  @Test
  void cancellingLeavesNothing() throws IOException {
    Cancellation cancellation = new Cancellation();
    cancellation.cancel();
    MergeRequest request = MergeRequest.of(model("sd15")).lora(sd15("kohya-lcm"));
    assertThrows(
        CancellationException.class,
        () -> CheckpointMerger.write(request, folder.resolve("merged"), cancellation));
    assertNothingLeft();
    Thread.currentThread().interrupt();
    assertThrows(
        ClosedByInterruptException.class,
        () -> CheckpointMerger.write(request, folder.resolve("merged")));
    assertTrue(Thread.interrupted());
    assertNothingLeft();
  }

  /** What ends the writing in its middle takes away what it had written. */
  @Test
  void aFileThatCannotBeReadLeavesNothing() throws IOException {
    Path base = base(DType.FLOAT32, false);
    Path loop = base.resolve("tokenizer/loop");
    Files.createSymbolicLink(loop, base);
    assertThrows(IOException.class, () -> merge(base, sd15("kohya-lcm")));
    assertNothingLeft("base");
  }
}
