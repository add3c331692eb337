package io.github.lcm4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Reading, resizing and blurring against Pillow, whose results {@code make_images.py} recorded (see
 * the README of the reference data): every sample exactly.
 */
class ImagesTest {
  private static Path folder() {
    try {
      return Path.of(ImagesTest.class.getResource("/golden/images").toURI());
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static byte[] expected(String name) throws IOException {
    JsonNode all = new ObjectMapper().readTree(folder().resolve("expected.json").toFile());
    return Base64.getDecoder().decode(all.required(name).asText());
  }

  private static void assertSame(String what, byte[] expected, byte[] actual) {
    assertEquals(expected.length, actual.length, what + ": number of samples");
    for (int i = 0; i < expected.length; i++) {
      if (expected[i] != actual[i]) {
        fail(
            "%s: sample %d expected %d, found %d"
                .formatted(what, i, expected[i] & 255, actual[i] & 255));
      }
    }
  }

  private static byte[] interleaved(byte[][] planes) {
    byte[] samples = new byte[3 * planes[0].length];
    for (int i = 0; i < samples.length; i++) {
      samples[i] = planes[i % 3][i / 3];
    }
    return samples;
  }

  @ParameterizedTest
  @ValueSource(strings = {"rgb", "gray", "gray-alpha", "rgba", "palette", "bits", "mask"})
  void readsTheSamplesPillowReads(String name) throws IOException {
    BufferedImage image = Images.read(folder().resolve(name + ".png"));
    assertSame(name, expected("samples/" + name), interleaved(Pixels.rgb(image)));
    assertSame(name + " luma", expected("luma/" + name), Pixels.gray(image));
  }

  @ParameterizedTest
  @CsvSource({"37,23", "64,64", "20,23", "37,9", "8,8", "50,30", "1,1"})
  void resizesAsPillow(int width, int height) throws IOException {
    BufferedImage image = Images.read(folder().resolve("rgb.png"));
    BufferedImage resized = Images.resize(image, width, height);
    assertSame(
        width + "x" + height,
        expected("resized/" + width + "x" + height),
        interleaved(Pixels.rgb(resized)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.3", "1", "2.5", "4", "33"})
  void blursAsPillow(String radius) throws IOException {
    BufferedImage mask = Images.read(folder().resolve("mask.png"));
    byte[] blurred =
        GaussianBlur.blur(
            Pixels.gray(mask), mask.getWidth(), mask.getHeight(), Double.parseDouble(radius));
    assertSame("radius " + radius, expected("blurred/" + radius), blurred);
  }

  @Test
  void readingNamesTheFile(@TempDir Path folder) throws IOException {
    Path missing = folder.resolve("missing.png");
    Path text = Files.writeString(folder.resolve("text.png"), "no picture");
    byte[] whole = Files.readAllBytes(folder().resolve("rgb.png"));
    Path cut = Files.write(folder.resolve("cut.png"), java.util.Arrays.copyOf(whole, 200));
    for (Path file : new Path[] {missing, text, cut, folder}) {
      IOException error = assertThrows(IOException.class, () -> Images.read(file));
      assertTrue(error.getMessage().contains(file.toString()), error.getMessage());
    }
  }

  @Test
  void refusesSizesBelowOne() {
    BufferedImage image = new BufferedImage(4, 4, BufferedImage.TYPE_INT_RGB);
    assertThrows(IllegalArgumentException.class, () -> Images.resize(image, 0, 4));
  }
}
