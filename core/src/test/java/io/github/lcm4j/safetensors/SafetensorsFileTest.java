package io.github.lcm4j.safetensors;

import static io.github.lcm4j.safetensors.RawFile.tensor;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsFileTest {
  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void nameFile() {
    file = folder.resolve("weights.safetensors");
  }

  @Test
  void readsEveryTypeLcm4jComputesWith() throws Exception {
    ByteBuffer data = ByteBuffer.allocate(26).order(ByteOrder.LITTLE_ENDIAN);
    data.putLong(-7).putFloat(1.5f).putFloat(-2.25f).putInt(42);
    data.putShort((short) 0x3e00).putShort((short) 0x3fc0).putShort((short) 0xc000);
    String header =
        "{%s,%s,%s,%s,%s}"
            .formatted(
                tensor("half", "F16", "[1]", 20, 22),
                tensor("bfloats", "BF16", "[2,1]", 22, 26),
                tensor("long", "I64", "[]", 0, 8),
                tensor("floats", "F32", "[1,2]", 8, 16),
                tensor("int", "I32", "[1]", 16, 20));
    RawFile.write(file, header, 0);
    Files.write(file, data.array(), StandardOpenOption.APPEND);

    SafetensorsFile weights = SafetensorsFile.open(file);
    assertEquals(List.of("long", "floats", "int", "half", "bfloats"), List.copyOf(weights.names()));
    assertEquals(-7, weights.tensor("long").longs().get(0));
    assertEquals(0, weights.tensor("long").rank());
    assertArrayEquals(new float[] {1.5f, -2.25f}, weights.tensor("floats").toFloatArray());
    assertArrayEquals(new long[] {1, 2}, weights.tensor("floats").shape());
    assertEquals(42, weights.tensor("int").ints().get(0));
    assertArrayEquals(new float[] {1.5f}, weights.tensor("half").toFloatArray());
    assertArrayEquals(new float[] {1.5f, -2f}, weights.tensor("bfloats").toFloatArray());
    assertEquals(DType.BFLOAT16, weights.tensor("bfloats").dtype());
    TensorInfo info = weights.info("floats");
    assertEquals(
        new TensorInfo("floats", "F32", new long[] {1, 2}, file, header.length() + 16, 8), info);
    assertEquals(2, info.elementCount());
  }

  @Test
  void tensorsAreReadOnlyViewsOfTheFile() throws Exception {
    RawFile.write(file, "{" + tensor("a", "F32", "[1]", 0, 4) + "}", 4);
    Tensor tensor = SafetensorsFile.open(file).tensor("a");
    assertTrue(tensor.buffer().isDirect());
    assertThrows(ReadOnlyBufferException.class, () -> tensor.floats().put(0, 1f));
  }

  @Test
  void readsMetadataAndNoTensors() throws Exception {
    RawFile.write(file, "{\"__metadata__\":{\"format\":\"pt\",\"é\":\"\"}}   ", 0);
    SafetensorsFile weights = SafetensorsFile.open(file);
    assertEquals(Set.of(), weights.names());
    assertEquals(Map.of("format", "pt", "é", ""), weights.metadata());
  }

  @Test
  void noMetadataAndNullMetadataAreEmpty() throws Exception {
    assertEquals(Map.of(), SafetensorsFile.open(RawFile.write(file, "{}", 0)).metadata());
    RawFile.write(file, "{\"__metadata__\":null}", 0);
    assertEquals(Map.of(), SafetensorsFile.open(file).metadata());
  }

  @Test
  void readsEmptyTensorsWhereverTheyLie() throws Exception {
    RawFile.write(
        file,
        "{%s,%s,%s,%s}"
            .formatted(
                tensor("first", "F32", "[0]", 0, 0),
                tensor("a", "F32", "[1]", 0, 4),
                tensor("middle", "F16", "[1099511627776,0,3]", 4, 4),
                tensor("last", "I64", "[0,1099511627776,1099511627776]", 4, 4)),
        4);
    SafetensorsFile weights = SafetensorsFile.open(file);
    for (String name : List.of("first", "middle", "last")) {
      assertEquals(0, weights.tensor(name).elementCount(), name);
      assertEquals(0, weights.info(name).elementCount(), name);
    }
    assertEquals(4, weights.tensor("a").byteSize());

    RawFile.write(file, "{" + tensor("only", "F32", "[0]", 0, 0) + "}", 0);
    assertEquals(0, SafetensorsFile.open(file).tensor("only").byteSize());
  }

  @Test
  void dataMayStartAtAnyByte() throws Exception {
    String header = "{" + tensor("a", "F32", "[2]", 0, 8) + "}";
    for (int padding = 0; padding < 8; padding++) {
      RawFile.write(file, header + " ".repeat(padding), 8);
      assertEquals(
          ByteBuffer.wrap(new byte[] {7, 6, 5, 4}).getFloat(),
          SafetensorsFile.open(file).tensor("a").floats().get(1));
    }
  }

  @Test
  void knownTypesLcm4jCannotComputeWithAreListedButRefused() throws Exception {
    RawFile.write(
        file,
        "{%s,%s,%s}"
            .formatted(
                tensor("double", "F64", "[1]", 0, 8),
                tensor("nibbles", "F4", "[4]", 8, 10),
                tensor("flags", "BOOL", "[3]", 10, 13)),
        13);
    SafetensorsFile weights = SafetensorsFile.open(file);
    assertEquals("F64", weights.info("double").type());
    assertEquals(2, weights.info("nibbles").byteSize());
    IllegalStateException e =
        assertThrows(IllegalStateException.class, () -> weights.tensor("flags"));
    assertMentions(e, file.toString(), "flags", "BOOL", "F16");
  }

  @Test
  void aMissingTensorIsNamed() throws Exception {
    SafetensorsFile weights = SafetensorsFile.open(RawFile.write(file, "{}", 0));
    assertFalse(weights.contains("a.b"));
    assertMentions(
        assertThrows(NoSuchElementException.class, () -> weights.info("a.b")),
        file.toString(),
        "a.b");
    assertThrows(NoSuchElementException.class, () -> weights.tensor("a.b"));
  }

  @Test
  void aMissingFileAndAFolderAreNamed() {
    assertMentions(
        assertThrows(NoSuchFileException.class, () -> SafetensorsFile.open(file)), file.toString());
    assertMentions(
        assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(folder)),
        folder.toString(),
        "folder");
  }

  @Test
  void filesAndTensorsOverTwoGigabytes() throws Exception {
    long gib = 1L << 30;
    String header =
        "{%s,%s,%s,%s,%s}"
            .formatted(
                tensor("a", "F32", "[2,201326592]", 0, 3 * gib / 2),
                tensor("b", "F16", "[536870912]", 3 * gib / 2, 5 * gib / 2),
                tensor("huge", "F32", "[1073741824]", 5 * gib / 2, 13 * gib / 2),
                tensor("empty", "F32", "[0]", 13 * gib / 2, 13 * gib / 2),
                tensor("c", "F32", "[2]", 13 * gib / 2, 13 * gib / 2 + 8));
    byte[] head = header.getBytes(StandardCharsets.UTF_8);
    long data = 8 + head.length;
    // A sparse file: only the blocks written here take space.
    try (SeekableByteChannel channel =
        Files.newByteChannel(
            file,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.WRITE,
            StandardOpenOption.SPARSE)) {
      channel.write(longs(head.length));
      channel.write(ByteBuffer.wrap(head));
      channel.position(data + 3 * gib / 2 - 4).write(floats(1.25f));
      channel.position(data + 5 * gib / 2 - 2).write(ByteBuffer.wrap(new byte[] {0, 0x3c}));
      channel.position(data + 13 * gib / 2).write(floats(-3f, 4f));
    }
    SafetensorsFile weights = SafetensorsFile.open(file);
    Tensor a = weights.tensor("a");
    assertEquals(1.25f, a.floats().get(a.elementCount() - 1));
    Tensor b = weights.tensor("b");
    assertEquals(0x3c00, b.buffer().asShortBuffer().get(b.elementCount() - 1));
    assertArrayEquals(new float[] {-3f, 4f}, weights.tensor("c").toFloatArray());
    assertEquals(0, weights.tensor("empty").elementCount());
    assertEquals(4 * gib, weights.info("huge").byteSize());
    assertMentions(
        assertThrows(IllegalStateException.class, () -> weights.tensor("huge")),
        file.toString(),
        "huge",
        "2 GiB");
  }

  private static ByteBuffer longs(long value) {
    return ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).flip();
  }

  private static ByteBuffer floats(float... values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return bytes;
  }

  static void assertMentions(Exception e, String... parts) {
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), () -> e + " does not mention " + part);
    }
  }

  static void assertRefused(Path file, String... parts) {
    SafetensorsException e =
        assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(file));
    assertMentions(e, file.toString());
    assertMentions(e, parts);
  }
}
