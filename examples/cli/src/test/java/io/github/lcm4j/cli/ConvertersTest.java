package io.github.lcm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.LoraSpec;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class ConvertersTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "style.safetensors, style.safetensors, 1",
    "style.safetensors:0.8, style.safetensors, 0.8",
    "style.safetensors:-1.5, style.safetensors, -1.5",
    "style.safetensors:+2, style.safetensors, 2",
    "style.safetensors:.5, style.safetensors, 0.5",
    "style.safetensors:1., style.safetensors, 1",
    "style.safetensors:1e-2, style.safetensors, 0.01",
    "style.safetensors:0, style.safetensors, 0",
    "a:b.safetensors, a:b.safetensors, 1",
    "a:b.safetensors:0.5, a:b.safetensors, 0.5",
    "a:1:0.5, a:1, 0.5",
    "'C:\\loras\\style.safetensors', 'C:\\loras\\style.safetensors', 1",
    "'C:\\loras\\style.safetensors:0.25', 'C:\\loras\\style.safetensors', 0.25",
    // Not weights, so the file that is reported as missing is the whole text.
    "style.safetensors:strong, style.safetensors:strong, 1",
    "style.safetensors:NaN, style.safetensors:NaN, 1",
    "style.safetensors:0x1p3, style.safetensors:0x1p3, 1",
    "style.safetensors:1f, style.safetensors:1f, 1",
    "style.safetensors:, style.safetensors:, 1",
  })
  void loraIsAFileAndPerhapsAWeight(String text, String file, double weight) {
    assertEquals(LoraSpec.of(Path.of(file), weight), new Converters.Lora().convert(text));
  }

  @Test
  void loraFileWhoseNameEndsLikeAWeightIsThatFile() throws IOException {
    Path file = Files.createFile(folder.resolve("style:2"));
    assertEquals(LoraSpec.of(file), new Converters.Lora().convert(file.toString()));
    assertEquals(LoraSpec.of(file, 0.5), new Converters.Lora().convert(file + ":0.5"));
  }

  @Test
  void loraWeightBeyondDoubleIsRefused() {
    TypeConversionException fault =
        assertThrows(
            TypeConversionException.class,
            () -> new Converters.Lora().convert("style.safetensors:1e999"));
    assertTrue(fault.getMessage().contains("style.safetensors:1e999"), fault.getMessage());
  }

  @Test
  void providerIsANameAndOptions() {
    Converters.Provider converter = new Converters.Provider();
    assertEquals(ExecutionProvider.CPU, converter.convert("cpu"));
    assertEquals(ExecutionProvider.COREML, converter.convert("CoreML"));
    assertEquals(
        new ExecutionProvider("CUDA", Map.of("device_id", "1", "arena", "a=b")),
        converter.convert("cuda,device_id=1, arena=a=b"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "gpu", "cuda,", "cuda,device_id", "cuda,=1", "cuda device_id=1"})
  void providerThatIsNoneIsRefused(String text) {
    assertThrows(TypeConversionException.class, () -> new Converters.Provider().convert(text));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "42, 42",
    "-1, -1",
    "9223372036854775807, 9223372036854775807",
    "9223372036854775808, -9223372036854775808",
    "18446744073709551615, -1",
    "-9223372036854775808, -9223372036854775808",
  })
  void seedHas64Bits(String text, long bits) {
    BigInteger seed = new Converters.Seed().convert(text);
    assertEquals(text, seed.toString());
    assertEquals(bits, seed.longValue());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"18446744073709551616", "-9223372036854775809", "", "1.0", "x", "0x10", " 1"})
  void seedThatIsNoneIsRefused(String text) {
    assertThrows(TypeConversionException.class, () -> new Converters.Seed().convert(text));
  }
}
