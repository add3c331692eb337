package io.github.lcm4j.safetensors;

import static io.github.lcm4j.safetensors.SafetensorsFileTest.assertMentions;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsWriterTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void nameFile() {
    file = folder.resolve("written.safetensors");
  }

  /** See golden/README.md for how these files were made by the reference implementation. */
  @ParameterizedTest
  @ValueSource(strings = {"safetensors/reference.safetensors", "torch-randn.safetensors"})
  void aCopyEqualsTheReferenceByteForByte(String name) throws Exception {
    SafetensorsFile reference = SafetensorsFile.open(GOLDEN.resolve(name));
    List<TensorEntry> entries = new ArrayList<>();
    for (String tensor : reference.names()) {
      entries.add(TensorEntry.copy(reference.info(tensor)));
    }
    Collections.shuffle(entries, new Random(1));
    SafetensorsWriter.write(file, entries, reference.metadata());
    assertArrayEquals(Files.readAllBytes(GOLDEN.resolve(name)), Files.readAllBytes(file));
  }

  @Test
  void whatIsWrittenIsReadBack() throws Exception {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("floats", Tensor.of(new float[] {1, -2, 3, -4, 5, -6}, 2, 3));
    tensors.put("half", Tensor.of(new float[] {0.5f, 65504}, 2).cast(DType.FLOAT16));
    tensors.put("bfloat", Tensor.of(new float[] {0.5f, 3e38f}, 1, 2).cast(DType.BFLOAT16));
    tensors.put("longs", Tensor.of(new long[] {Long.MIN_VALUE, 7}, 2));
    Tensor ints = Tensor.allocate(DType.INT32, 1);
    ints.ints().put(0, -9);
    tensors.put("ints", ints);
    tensors.put("scalar", Tensor.of(new float[] {8}));
    tensors.put("empty", Tensor.allocate(DType.FLOAT32, 4, 0));
    Map<String, String> metadata = Map.of("format", "pt", "modelspec.title", "ein „Titel“\n");
    SafetensorsWriter.write(file, tensors, metadata);

    SafetensorsFile read = SafetensorsFile.open(file);
    assertEquals(metadata, read.metadata());
    assertEquals(
        List.of("longs", "empty", "floats", "scalar", "ints", "bfloat", "half"),
        List.copyOf(read.names()));
    for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
      Tensor tensor = read.tensor(entry.getKey());
      assertEquals(entry.getValue().toString(), tensor.toString());
      assertEquals(entry.getValue().buffer(), tensor.buffer(), entry.getKey());
    }
    assertEquals(0, read.info("longs").offset() % 8);
  }

  @Test
  void noTensorsAndNoMetadata() throws Exception {
    SafetensorsWriter.write(file, Map.of(), Map.of());
    assertEquals("{}      ", Files.readString(file).substring(8));
    assertEquals(0, SafetensorsFile.open(file).names().size());
  }

  @Test
  void contentsAreAskedForOnceAndWrittenAtOnce() throws Exception {
    List<Long> sizes = new ArrayList<>();
    List<TensorEntry> entries = new ArrayList<>();
    for (String name : List.of("c", "a", "b")) {
      entries.add(
          TensorEntry.lazy(
              name,
              DType.FLOAT32,
              new long[] {1000},
              () -> {
                sizes.add(Files.size(onlyFile()));
                return Tensor.allocate(DType.FLOAT32, 1000);
              }));
    }
    SafetensorsWriter.write(file, entries, Map.of());
    long data = SafetensorsFile.open(file).info("a").offset();
    assertEquals(List.of(data, data + 4000, data + 8000), sizes);
    assertEquals(file, onlyFile());
  }

  @Test
  void aFailureLeavesNothingBehind() throws Exception {
    List<TensorEntry> entries =
        List.of(
            TensorEntry.of("a", Tensor.of(new float[] {1}, 1)),
            TensorEntry.lazy(
                "b",
                DType.FLOAT32,
                new long[] {1},
                () -> {
                  throw new IOException("b cannot be had");
                }));
    IOException e =
        assertThrows(IOException.class, () -> SafetensorsWriter.write(file, entries, Map.of()));
    assertEquals("b cannot be had", e.getMessage());
    assertEquals(List.of(), files());

    Files.writeString(file, "as it was");
    assertThrows(IOException.class, () -> SafetensorsWriter.write(file, entries, Map.of()));
    assertEquals("as it was", Files.readString(file));
    assertEquals(file, onlyFile());
  }

  @Test
  void anExistingFileIsReplacedEvenByItsOwnTensors() throws Exception {
    SafetensorsWriter.write(
        file, Map.of("a", Tensor.of(new float[] {1, 2}, 2)), Map.of("version", "1"));
    SafetensorsFile old = SafetensorsFile.open(file);
    SafetensorsWriter.write(
        file,
        List.of(
            TensorEntry.copy(old.info("a")), TensorEntry.of("b", Tensor.of(new float[] {3}, 1))),
        Map.of());
    SafetensorsFile read = SafetensorsFile.open(file);
    assertArrayEquals(new float[] {1, 2}, read.tensor("a").toFloatArray());
    assertArrayEquals(new float[] {3}, read.tensor("b").toFloatArray());
    assertEquals(Map.of(), read.metadata());
  }

  @Test
  void anotherTensorThanAnnouncedIsRefused() throws Exception {
    TensorEntry entry =
        TensorEntry.lazy(
            "a", DType.FLOAT16, new long[] {2, 2}, () -> Tensor.allocate(DType.FLOAT16, 4));
    assertMentions(
        assertThrows(
            IllegalStateException.class,
            () -> SafetensorsWriter.write(file, List.of(entry), Map.of())),
        "tensor a",
        "FLOAT16[2, 2]",
        "FLOAT16[4]");
    assertEquals(List.of(), files());
  }

  @Test
  void namesThatCannotBeWrittenAreRefused() throws Exception {
    Tensor tensor = Tensor.of(new float[] {1}, 1);
    TensorEntry entry = TensorEntry.of("a", tensor);
    assertMentions(
        assertThrows(
            IllegalArgumentException.class,
            () -> SafetensorsWriter.write(file, List.of(entry, entry), Map.of())),
        file.toString(),
        "second tensor a");
    assertThrows(
        IllegalArgumentException.class,
        () -> SafetensorsWriter.write(file, Map.of("__metadata__", tensor), Map.of()));
    assertEquals(List.of(), files());
  }

  @Test
  void aMissingFolderIsNamed() {
    Path missing = folder.resolve("missing").resolve("x.safetensors");
    assertMentions(
        assertThrows(
            NoSuchFileException.class, () -> SafetensorsWriter.write(missing, Map.of(), Map.of())),
        missing.toString(),
        "no folder");
  }

  @Test
  void aSourceThatShrankIsNamed() throws Exception {
    SafetensorsWriter.write(file, Map.of("a", Tensor.allocate(DType.FLOAT32, 100)), Map.of());
    TensorEntry entry = TensorEntry.copy(SafetensorsFile.open(file).info("a"));
    Path source = file;
    Files.write(source, new byte[10]);
    Path copy = folder.resolve("copy.safetensors");
    assertMentions(
        assertThrows(
            SafetensorsException.class,
            () -> SafetensorsWriter.write(copy, List.of(entry), Map.of())),
        source.toString(),
        "tensor a");
    assertEquals(source, onlyFile());
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.toList();
    }
  }

  private Path onlyFile() throws IOException {
    List<Path> files = files();
    assertEquals(1, files.size(), files.toString());
    return files.get(0);
  }
}
