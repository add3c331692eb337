package io.github.lcm4j.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.fail;

import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

/** Reference data among the test resources, and how results compare with it. */
public final class Golden {
  private Golden() {}

  /** The copy of a reference file. */
  public static Path path(String name) {
    URL url = Golden.class.getResource("/golden/" + name);
    if (url == null) {
      throw new IllegalArgumentException("no reference data golden/" + name);
    }
    try {
      return Path.of(url.toURI());
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException(e);
    }
  }

  /**
   * A checkpoint folder made of the parts of one, some of them replaced.
   *
   * @param target an empty folder
   * @param parts folders of reference data by the name of the part
   */
  static Path assemble(Path target, String base, Map<String, String> parts) throws IOException {
    try (Stream<Path> entries = Files.list(path(base))) {
      for (Path entry : entries.toList()) {
        String name = entry.getFileName().toString();
        copy(parts.containsKey(name) ? path(parts.get(name)) : entry, target.resolve(name));
      }
    }
    return target;
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }

  /**
   * Fails if ‖actual − expected‖ exceeds {@code tolerance}·‖expected‖, naming the worst element.
   */
  public static void assertClose(String what, Tensor expected, Tensor actual, double tolerance) {
    assertArrayEquals(expected.shape(), actual.shape(), what + ": shape");
    float[] wanted = expected.toFloatArray();
    float[] found = actual.toFloatArray();
    double difference = 0;
    double norm = 0;
    int worst = 0;
    for (int i = 0; i < wanted.length; i++) {
      double d = (double) found[i] - wanted[i];
      difference += d * d;
      norm += (double) wanted[i] * wanted[i];
      if (!(Math.abs(d) <= Math.abs((double) found[worst] - wanted[worst]))) {
        worst = i;
      }
    }
    double relative = Math.sqrt(difference / norm);
    if (!(relative <= tolerance)) {
      fail(
          "%s: relative error %.3g exceeds %.0g; worst element %d: expected %s, found %s"
              .formatted(what, relative, tolerance, worst, wanted[worst], found[worst]));
    }
  }

  /** Fails if any channel of any pixel differs by more than {@code tolerance} of 255. */
  static void assertSamePicture(String what, Path expected, BufferedImage actual, int tolerance)
      throws IOException {
    BufferedImage wanted = ImageIO.read(expected.toFile());
    assertArrayEquals(
        new int[] {wanted.getWidth(), wanted.getHeight()},
        new int[] {actual.getWidth(), actual.getHeight()},
        what + ": size");
    for (int y = 0; y < wanted.getHeight(); y++) {
      for (int x = 0; x < wanted.getWidth(); x++) {
        int a = wanted.getRGB(x, y);
        int b = actual.getRGB(x, y);
        for (int shift = 0; shift <= 16; shift += 8) {
          if (Math.abs((a >> shift & 255) - (b >> shift & 255)) > tolerance) {
            fail("%s: pixel (%d, %d) is %08x, expected %08x".formatted(what, x, y, b, a));
          }
        }
      }
    }
  }
}
