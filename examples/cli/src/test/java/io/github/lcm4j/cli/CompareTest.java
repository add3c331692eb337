package io.github.lcm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompareTest {
  @TempDir Path folder;

  @Test
  void onePromptGivesTwoRows() throws IOException {
    Path file = folder.resolve("grid.png");
    Invocation run = Invocation.of("compare", "--output", file.toString());
    assertEquals(0, run.exitCode(), run.err());
    assertTrue(
        run.out()
            .strip()
            .matches("25 steps guided \\d+ ms, LCM-LoRA 4 steps \\d+ ms → .*grid\\.png"),
        run.out());
    assertEquals(Set.of("grid.png"), Set.of(folder.toFile().list()));
    BufferedImage sheet = ImageIO.read(file.toFile());
    // Label, five columns of 192 and the gaps between; two rows.
    assertEquals(16 + 150 + 5 * (192 + 16), sheet.getWidth());
    assertTrue(sheet.getHeight() > 2 * 192 && sheet.getHeight() < 4 * 192, "" + sheet.getHeight());
    // The middle of the background above the panda is teal in 25 steps and in 4 LCM steps.
    int teal = ImageIO.read(reference()).getRGB(32, 2);
    assertNear(teal, sheet.getRGB(16 + 150 + 4 * 208 + 96, firstRow(sheet) + 6));
  }

  @Test
  void severalPromptsGiveARowEach() throws IOException {
    Path file = folder.resolve("grid.png");
    Path prompts = Files.writeString(folder.resolve("prompts.txt"), "\nhot dog\n");
    Invocation run =
        Invocation.of(
            "compare",
            "--prompt",
            "panda on a teal background",
            "--prompts",
            prompts.toString(),
            "--output",
            file.toString());
    assertEquals(0, run.exitCode(), run.err());
    BufferedImage sheet = ImageIO.read(file.toFile());
    assertEquals(16 + 150 + 5 * (192 + 16), sheet.getWidth());
    assertTrue(sheet.getHeight() > 2 * 192 && sheet.getHeight() < 4 * 192, "" + sheet.getHeight());
    // The base comes first here.
    assertNear(
        ImageIO.read(reference()).getRGB(32, 2), sheet.getRGB(16 + 150 + 96, firstRow(sheet) + 6));
  }

  private static java.net.URL reference() {
    return CompareTest.class.getResource("reference/base-25-steps-guidance-3-seed-42.png");
  }

  /** The first picture starts below the first line that has the pictures' edge at its place. */
  private static int firstRow(BufferedImage sheet) {
    int edge = 0xffd1d9e0;
    for (int y = 0; y < sheet.getHeight(); y++) {
      if (sheet.getRGB(16 + 150, y) == edge) {
        return y + 1;
      }
    }
    throw new AssertionError("no picture found");
  }

  private static void assertNear(int expected, int found) {
    for (int shift = 0; shift <= 16; shift += 8) {
      assertEquals(expected >> shift & 0xff, found >> shift & 0xff, 6.0, "shift " + shift);
    }
  }
}
