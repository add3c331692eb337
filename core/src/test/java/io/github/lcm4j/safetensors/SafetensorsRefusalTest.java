package io.github.lcm4j.safetensors;

import static io.github.lcm4j.safetensors.RawFile.tensor;
import static io.github.lcm4j.safetensors.SafetensorsFileTest.assertRefused;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsRefusalTest {
  private static final String TWO =
      "{" + tensor("a", "F32", "[2]", 0, 8) + "," + tensor("b", "F16", "[1]", 8, 10) + "}";

  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void nameFile() {
    file = folder.resolve("weights.safetensors");
  }

  /** Header, bytes of data, what the message must hold besides the file. */
  static Stream<Arguments> faults() {
    return Stream.of(
        arguments("", 0, "JSON object"),
        arguments("[]", 0, "JSON object, found ARRAY"),
        arguments("null", 0, "JSON object"),
        arguments("3", 0, "JSON object"),
        arguments("{", 0, "not valid JSON"),
        arguments("{}x", 0, "not valid JSON"),
        arguments("{}\0\0", 0, "not valid JSON"),
        arguments("{} {}", 0, "not valid JSON"),
        arguments("\ufeff{}", 0, "not valid JSON"),
        arguments("{'a':1}", 0, "not valid JSON"),
        arguments("{\"a\":NaN}", 0, "not valid JSON"),
        arguments("{" + "\"a\":{".repeat(2000), 0, "not valid JSON"),
        arguments("{\"a\":3}", 0, "tensor a must be a JSON object, found 3"),
        arguments("{\"a\":null}", 0, "tensor a must be a JSON object"),
        arguments("{\"a\":{}}", 0, "tensor a has the unknown dtype null"),
        arguments("{\"__metadata__\":[]}", 0, "__metadata__"),
        arguments("{\"__metadata__\":{\"a\":1}}", 0, "__metadata__ entry a"),
        arguments("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__|twice"),
        arguments(
            "{" + tensor("a", "F32", "[1]", 0, 4) + "," + tensor("a", "F32", "[1]", 4, 8) + "}",
            8,
            "name twice|'a'"),
        arguments("{" + tensor("a", "F31", "[1]", 0, 4) + "}", 4, "tensor a|unknown dtype|F31"),
        arguments("{" + tensor("a", "f32", "[1]", 0, 4) + "}", 4, "tensor a|unknown dtype|f32"),
        arguments("{" + tensor("a", "F32", "1", 0, 4) + "}", 4, "tensor a has no shape"),
        arguments("{" + tensor("a", "F32", "null", 0, 4) + "}", 4, "tensor a has no shape"),
        arguments("{" + tensor("a", "F32", "[-1]", 0, 4) + "}", 4, "tensor a|shape entry -1"),
        arguments("{" + tensor("a", "F32", "[1.0]", 0, 4) + "}", 4, "tensor a|shape entry 1.0"),
        arguments("{" + tensor("a", "F32", "[\"1\"]", 0, 4) + "}", 4, "tensor a|shape entry \"1\""),
        arguments(
            "{" + tensor("a", "F32", "[9223372036854775808]", 0, 4) + "}",
            4,
            "tensor a|shape entry 9223372036854775808"),
        arguments(
            "{" + tensor("a", "F32", "[4294967296,4294967296]", 0, 0) + "}",
            0,
            "tensor a|impossible shape [4294967296,4294967296]"),
        arguments("{" + tensor("a", "F4", "[3]", 0, 2) + "}", 2, "tensor a|impossible shape [3]"),
        arguments("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "tensor a has no data_offsets"),
        arguments(
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}",
            4,
            "tensor a has no data_offsets of two numbers"),
        arguments(
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4e0]}}",
            4,
            "tensor a|data_offsets entry 4"),
        arguments("{" + tensor("a", "F32", "[1]", -4, 0) + "}", 4, "tensor a|entry -4"),
        arguments("{" + tensor("a", "F32", "[1]", 4, 0) + "}", 4, "tensor a|takes 4 bytes|-4"),
        arguments("{" + tensor("a", "F32", "[2]", 0, 4) + "}", 4, "tensor a|takes 8 bytes|it 4"),
        arguments("{" + tensor("a", "F16", "[1]", 0, 4) + "}", 4, "tensor a|F16|takes 2 bytes"),
        arguments(
            "{" + tensor("a", "F32", "[1]", Long.MAX_VALUE - 4, Long.MAX_VALUE) + "}",
            4,
            "tensor a|outside the file"),
        arguments(
            "{" + tensor("a", "F32", "[1]", 0, 4) + "," + tensor("b", "F32", "[1]", 2, 6) + "}",
            8,
            "tensor b|starts at byte 2, expected 4|overlap"),
        arguments(
            "{" + tensor("a", "F32", "[1]", 0, 4) + "," + tensor("b", "F32", "[1]", 0, 4) + "}",
            4,
            "tensor b|overlap"),
        arguments(
            "{" + tensor("a", "F32", "[2]", 0, 8) + "," + tensor("b", "F32", "[0]", 4, 4) + "}",
            8,
            "tensor b|overlap"),
        arguments("{" + tensor("a", "F32", "[1]", 4, 8) + "}", 8, "tensor a|expected 0|gap"),
        arguments(
            "{" + tensor("a", "F32", "[1]", 0, 4) + "," + tensor("b", "F32", "[1]", 8, 12) + "}",
            12,
            "tensor b|expected 4|gap"),
        arguments("{" + tensor("a", "F32", "[1]", 0, 4) + "}", 3, "truncated|tensor a"),
        arguments("{" + tensor("a", "F32", "[1]", 0, 4) + "}", 5, "1 bytes after the last tensor"),
        arguments("{}", 1, "1 bytes after the last tensor"));
  }

  @ParameterizedTest
  @MethodSource("faults")
  void refuses(String header, int dataBytes, String parts) throws Exception {
    RawFile.write(file, header, dataBytes);
    assertRefused(file, parts.split("\\|"));
  }

  @Test
  void refusesAFileCutAnywhere() throws Exception {
    byte[] whole = Files.readAllBytes(RawFile.write(file, TWO, 10));
    SafetensorsFile.open(file);
    for (int length = 0; length < whole.length; length++) {
      Files.write(file, Arrays.copyOf(whole, length));
      assertRefused(file, "truncated");
    }
  }

  @Test
  void refusesAHeaderLongerThanTheFileOrTheLimit() throws Exception {
    writeLength(3);
    assertRefused(file, "truncated", "claims 3 bytes");
    writeLength(100_000_000);
    assertRefused(file, "truncated", "claims 100000000 bytes");
    writeLength(100_000_001);
    assertRefused(file, "claims 100000001 bytes", "100 MB");
    writeLength(-1);
    assertRefused(file, "claims 18446744073709551615 bytes", "100 MB");
  }

  private void writeLength(long length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN);
    Files.write(file, bytes.putLong(length).put((byte) '{').put((byte) '}').array());
  }

  @Test
  void refusesAGitLfsPointer() throws Exception {
    Files.writeString(file, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    assertRefused(file, "Git LFS");
  }

  @Test
  void refusesTextThatIsNotUtf8() throws Exception {
    byte[] header = TWO.getBytes(StandardCharsets.UTF_8);
    header[2] = (byte) 0xff;
    RawFile.write(file, header, 10);
    assertRefused(file, "not valid UTF-8");
    RawFile.write(file, "{}".getBytes(StandardCharsets.UTF_16BE), 0);
    assertRefused(file, "not valid JSON");
  }

  /** Whatever is done to a header, the file is read or refused; nothing else is thrown. */
  @Test
  void damagedHeadersAreRefusedAsSuch() throws Exception {
    String header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + TWO.substring(1, TWO.length() - 1)
            + ","
            + tensor("c", "I64", "[]", 10, 18)
            + ","
            + tensor("d", "F64", "[0,7]", 18, 18)
            + "}";
    byte[] sound = header.getBytes(StandardCharsets.UTF_8);
    String[] words = {
      "-1",
      "1e9",
      "9223372036854775807",
      "[",
      "]",
      "{",
      "}",
      ",",
      ":",
      "\"",
      "\\",
      "null",
      "F16",
      "[]",
      "\\u0000",
      "0",
      "a",
      "\0",
      " "
    };
    Random random = new Random(20260101);
    int read = 0;
    int refused = 0;
    for (int round = 0; round < 1500; round++) {
      StringBuilder text = new StringBuilder(new String(sound, StandardCharsets.ISO_8859_1));
      for (int change = random.nextInt(3); change >= 0; change--) {
        int at = random.nextInt(text.length());
        int to = Math.min(text.length(), at + random.nextInt(4));
        switch (random.nextInt(4)) {
          case 0 -> text.setCharAt(at, (char) random.nextInt(256));
          case 1 -> text.delete(at, to);
          case 2 -> text.replace(at, to, words[random.nextInt(words.length)]);
          default -> text.insert(at, text.substring(at, to));
        }
      }
      byte[] damaged = text.toString().getBytes(StandardCharsets.ISO_8859_1);
      RawFile.write(file, damaged, 18);
      try {
        SafetensorsFile weights = SafetensorsFile.open(file);
        for (String name : weights.names()) {
          TensorInfo info = weights.info(name);
          SafetensorsType type = SafetensorsType.valueOf(info.type());
          if (type.dtype() != null) {
            assertTrue(weights.tensor(name).byteSize() == info.byteSize(), name);
          }
        }
        read++;
      } catch (SafetensorsException e) {
        assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
        refused++;
      }
    }
    assertTrue(read > 50 && refused > 500, read + " read, " + refused + " refused");
  }
}
