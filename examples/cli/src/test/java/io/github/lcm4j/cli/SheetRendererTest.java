package io.github.lcm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.cli.Sheet.Cell;
import io.github.lcm4j.cli.Sheet.Row;
import io.github.lcm4j.cli.Sheet.Text;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class SheetRendererTest {
  private static final int RED = 0xffff0000;
  private static final int BLUE = 0xff0000ff;

  @BeforeAll
  static void fonts() throws IOException {
    SheetRenderer.requireFonts();
  }

  @Test
  void smallPicturesAreEnlargedByAWholeFactor() {
    BufferedImage sheet = SheetRenderer.render(sheet(picture(64, 64, RED)));
    assertEquals(192L * 192, count(sheet, RED));
  }

  @Test
  void largePicturesAreReduced() {
    BufferedImage sheet = SheetRenderer.render(sheet(picture(1024, 512, RED)));
    assertEquals(384L * 192, count(sheet, RED));
  }

  @Test
  void picturesBetweenKeepTheirSize() {
    assertEquals(256L * 200, count(SheetRenderer.render(sheet(picture(256, 200, RED))), RED));
  }

  @Test
  void rowsAndColumnsStandWhereTheyBelong() {
    Text caption = new Text("4 steps", "8 UNet calls, 123 ms");
    Cell red = new Cell(picture(64, 64, RED), caption);
    Cell blue = new Cell(picture(64, 64, BLUE), caption);
    List<Cell> second = new ArrayList<>();
    second.add(null);
    second.add(blue);
    BufferedImage sheet =
        SheetRenderer.render(
            new Sheet(
                "title",
                List.of(new Text("one", ""), new Text("two", "")),
                List.of(
                    new Row(new Text("upper", ""), List.of(red, red)),
                    new Row(new Text("lower", ""), second)),
                "footer"));
    assertEquals(2L * 192 * 192, count(sheet, RED));
    assertEquals(192L * 192, count(sheet, BLUE));
    int[] topLeft = first(sheet, RED);
    int[] other = first(sheet, BLUE);
    assertTrue(other[0] > topLeft[0] + 192, "the second column is not right of the first");
    assertTrue(other[1] > topLeft[1] + 192, "the second row is not below the first");
    // Ink between the rows: captions.
    assertTrue(hasInk(sheet, topLeft[0], topLeft[1] + 196, 192, other[1] - topLeft[1] - 200));
    // Ink at the left of both: labels.
    assertTrue(hasInk(sheet, 0, topLeft[1], topLeft[0] - 4, 192));
    assertTrue(hasInk(sheet, 0, other[1], topLeft[0] - 4, 192));
  }

  @Test
  void nothingReachesTheEdge() {
    BufferedImage sheet =
        SheetRenderer.render(
            new Sheet(
                "a rather long title of many words ".repeat(20),
                List.of(),
                List.of(
                    new Row(
                        new Text("a label of several words", "and more of them"),
                        List.of(
                            new Cell(
                                picture(64, 64, RED),
                                new Text("25 steps", "50 UNet calls, 12345678 ms"))))),
                "small print of many words ".repeat(20)));
    for (int y = 0; y < sheet.getHeight(); y++) {
      assertEquals(-1, sheet.getRGB(0, y));
      assertEquals(-1, sheet.getRGB(sheet.getWidth() - 1, y));
    }
    for (int x = 0; x < sheet.getWidth(); x++) {
      assertEquals(-1, sheet.getRGB(x, 0));
      assertEquals(-1, sheet.getRGB(x, sheet.getHeight() - 1));
    }
  }

  @Test
  void textIsBrokenAtSpaces() {
    Font font = new Font(Font.SANS_SERIF, Font.PLAIN, 14);
    assertEquals(List.of("one two"), SheetRenderer.wrap(" one  two ", font, 1000));
    assertEquals(
        List.of("one", "two", "incomprehensible"),
        SheetRenderer.wrap("one two incomprehensible", font, 30));
    assertEquals(List.of(), SheetRenderer.wrap("", font, 30));
  }

  private static Sheet sheet(BufferedImage picture) {
    return new Sheet(
        "title",
        List.of(),
        List.of(new Row(new Text("label", ""), List.of(new Cell(picture, null)))),
        "");
  }

  private static BufferedImage picture(int width, int height, int argb) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    graphics.setColor(new Color(argb));
    graphics.fillRect(0, 0, width, height);
    graphics.dispose();
    return image;
  }

  private static long count(BufferedImage image, int argb) {
    return java.util.Arrays.stream(pixels(image)).filter(pixel -> pixel == argb).count();
  }

  private static int[] first(BufferedImage image, int argb) {
    int[] pixels = pixels(image);
    for (int i = 0; i < pixels.length; i++) {
      if (pixels[i] == argb) {
        return new int[] {i % image.getWidth(), i / image.getWidth()};
      }
    }
    throw new AssertionError("colour not found: " + Integer.toHexString(argb));
  }

  private static boolean hasInk(BufferedImage image, int x, int y, int width, int height) {
    for (int pixel : image.getRGB(x, y, width, height, null, 0, width)) {
      if ((pixel & 0xff) < 0x80 && (pixel & 0xff0000) < 0x800000) {
        return true;
      }
    }
    return false;
  }

  private static int[] pixels(BufferedImage image) {
    return image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
  }
}
