package io.github.lcm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Path;
import javax.imageio.ImageIO;

/** Compares pictures with diffusers' own; README.md beside them says how they were made. */
final class ReferencePictures {
  private static final int TOLERANCE = 2;

  private ReferencePictures() {}

  static void assertShows(String reference, Path file) throws IOException {
    URL url = ReferencePictures.class.getResource("reference/" + reference);
    BufferedImage expected = ImageIO.read(url);
    BufferedImage found = ImageIO.read(file.toFile());
    assertEquals(expected.getWidth(), found.getWidth());
    assertEquals(expected.getHeight(), found.getHeight());
    int worst = -1;
    String where = "";
    for (int y = 0; y < expected.getHeight(); y++) {
      for (int x = 0; x < expected.getWidth(); x++) {
        for (int shift = 16; shift >= 0; shift -= 8) {
          int e = expected.getRGB(x, y) >> shift & 0xff;
          int f = found.getRGB(x, y) >> shift & 0xff;
          if (Math.abs(e - f) > worst) {
            worst = Math.abs(e - f);
            where =
                "channel %s at (%d, %d): expected %d, found %d"
                    .formatted("BGR".charAt(shift / 8), x, y, e, f);
          }
        }
      }
    }
    if (worst > TOLERANCE) {
      fail("%s differs from %s by %d; worst is %s".formatted(file, reference, worst, where));
    }
  }
}
