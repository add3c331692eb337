package io.github.lcm4j.cli;

import io.github.lcm4j.cli.Sheet.Cell;
import io.github.lcm4j.cli.Sheet.Row;
import io.github.lcm4j.cli.Sheet.Text;
import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Draws a {@link Sheet}; needs no screen, but a font. */
final class SheetRenderer {
  /** Small pictures are enlarged to about this many pixels, large ones reduced to twice it. */
  private static final int CELL = 192;

  private static final Color INK = new Color(0x1f2328);
  private static final Color FAINT = new Color(0x59636e);
  private static final Color EDGE = new Color(0xd1d9e0);

  private final Sheet sheet;
  private final int cellWidth;
  private final int cellHeight;
  private final int gap;
  private final int labelWidth;
  private final Font titleFont;
  private final Font headingFont;
  private final Font detailFont;

  private SheetRenderer(Sheet sheet) {
    this.sheet = sheet;
    BufferedImage first =
        sheet.rows().stream()
            .flatMap(row -> row.cells().stream())
            .filter(Objects::nonNull)
            .findFirst()
            .orElseThrow()
            .picture();
    double scale = scale(first.getWidth());
    cellWidth = (int) Math.round(first.getWidth() * scale);
    cellHeight = (int) Math.round(first.getHeight() * scale);
    double unit = Math.max(cellWidth, CELL) / (double) CELL;
    gap = (int) Math.round(16 * unit);
    labelWidth = (int) Math.round(150 * unit);
    titleFont = font(Font.BOLD, 22 * unit);
    headingFont = font(Font.BOLD, 16 * unit);
    detailFont = font(Font.PLAIN, 14 * unit);
  }

  /** A whole factor for small pictures, so that each of their pixels is treated alike. */
  private static double scale(int width) {
    return width <= CELL
        ? Math.max(1, Math.round(CELL / (double) width))
        : Math.min(1, 2.0 * CELL / width);
  }

  private static Font font(int style, double size) {
    return new Font(Font.SANS_SERIF, style, (int) Math.round(size));
  }

  /**
   * Checks that text can be drawn.
   *
   * @throws IOException if this machine has no fonts; the message gives the remedy
   */
  static void requireFonts() throws IOException {
    try {
      metrics(font(Font.PLAIN, 14)).stringWidth("steps");
    } catch (RuntimeException | Error e) { // the JDK throws either, of various kinds
      throw new IOException(
          "cannot write on the sheet, this machine has no fonts; install fontconfig and a font, for"
              + " instance with: apt-get install fontconfig fonts-dejavu-core",
          e);
    }
  }

  static BufferedImage render(Sheet sheet) {
    return new SheetRenderer(sheet).render();
  }

  private BufferedImage render() {
    int columns = sheet.rows().stream().mapToInt(row -> row.cells().size()).max().orElse(0);
    int width = gap + labelWidth + columns * (cellWidth + gap);
    int textWidth = width - 2 * gap;
    List<String> title = wrap(sheet.title(), titleFont, textWidth);
    List<String> footer = wrap(sheet.footer(), detailFont, textWidth);

    int top = gap + title.size() * lineHeight(titleFont) + gap;
    int headings = height(sheet.columns());
    int height =
        top
            + headings
            + sheet.rows().stream().mapToInt(this::height).sum()
            + footer.size() * lineHeight(detailFont)
            + gap;

    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    try {
      graphics.setRenderingHint(
          RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
      graphics.setRenderingHint(
          RenderingHints.KEY_FRACTIONALMETRICS, RenderingHints.VALUE_FRACTIONALMETRICS_ON);
      graphics.setColor(Color.WHITE);
      graphics.fillRect(0, 0, width, height);

      drawLines(graphics, title, titleFont, INK, gap, gap);
      for (int i = 0; i < sheet.columns().size(); i++) {
        drawText(graphics, sheet.columns().get(i), x(i), top, cellWidth);
      }
      int y = top + headings;
      for (Row row : sheet.rows()) {
        drawRow(graphics, row, y);
        y += height(row);
      }
      drawLines(graphics, footer, detailFont, FAINT, gap, y);
    } finally {
      graphics.dispose();
    }
    return image;
  }

  private int x(int column) {
    return gap + labelWidth + column * (cellWidth + gap);
  }

  private int height(Row row) {
    List<Text> captions =
        row.cells().stream()
            .filter(Objects::nonNull)
            .map(Cell::caption)
            .filter(Objects::nonNull)
            .toList();
    return cellHeight + height(captions) + gap;
  }

  /** Height of texts side by side below or above cells, with the space around them. */
  private int height(List<Text> texts) {
    return texts.stream().mapToInt(text -> height(text, cellWidth)).max().orElse(-gap / 2)
        + gap / 2;
  }

  private int height(Text text, int width) {
    return wrap(text.heading(), headingFont, width).size() * lineHeight(headingFont)
        + wrap(text.detail(), detailFont, width).size() * lineHeight(detailFont);
  }

  private void drawRow(Graphics2D graphics, Row row, int y) {
    int width = labelWidth - gap;
    int middle = y + (cellHeight - height(row.label(), width)) / 2;
    drawText(graphics, row.label(), gap, Math.max(y, middle), width);
    for (int i = 0; i < row.cells().size(); i++) {
      Cell cell = row.cells().get(i);
      if (cell == null) {
        continue;
      }
      graphics.drawImage(resized(cell.picture()), x(i), y, null);
      graphics.setColor(EDGE); // many pictures are white up to their edge
      graphics.drawRect(x(i) - 1, y - 1, cellWidth + 1, cellHeight + 1);
      if (cell.caption() != null) {
        drawText(graphics, cell.caption(), x(i), y + cellHeight + gap / 4, cellWidth);
      }
    }
  }

  private void drawText(Graphics2D graphics, Text text, int x, int y, int width) {
    List<String> heading = wrap(text.heading(), headingFont, width);
    drawLines(graphics, heading, headingFont, INK, x, y);
    drawLines(
        graphics,
        wrap(text.detail(), detailFont, width),
        detailFont,
        FAINT,
        x,
        y + heading.size() * lineHeight(headingFont));
  }

  private static void drawLines(
      Graphics2D graphics, List<String> lines, Font font, Color color, int x, int y) {
    graphics.setFont(font);
    graphics.setColor(color);
    int baseline = y + metrics(font).getAscent();
    for (String line : lines) {
      graphics.drawString(line, x, baseline);
      baseline += lineHeight(font);
    }
  }

  /** Breaks at spaces; a word that is too long stands alone and runs over. */
  static List<String> wrap(String text, Font font, int width) {
    FontMetrics metrics = metrics(font);
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    for (String word : text.strip().split("\\s+")) {
      if (!line.isEmpty() && metrics.stringWidth(line + " " + word) > width) {
        lines.add(line.toString());
        line.setLength(0);
      }
      line.append(line.isEmpty() ? "" : " ").append(word);
    }
    if (!line.isEmpty()) {
      lines.add(line.toString());
    }
    return lines;
  }

  private static int lineHeight(Font font) {
    return metrics(font).getHeight();
  }

  private static FontMetrics metrics(Font font) {
    Graphics2D graphics = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB).createGraphics();
    try {
      return graphics.getFontMetrics(font);
    } finally {
      graphics.dispose();
    }
  }

  private BufferedImage resized(BufferedImage picture) {
    BufferedImage current = picture;
    // Java's filters look at few pixels: going down by more than half at once would drop some.
    while (current.getWidth() > 2 * cellWidth) {
      current =
          resized(
              current,
              current.getWidth() / 2,
              current.getHeight() / 2,
              RenderingHints.VALUE_INTERPOLATION_BILINEAR);
    }
    return resized(current, cellWidth, cellHeight, RenderingHints.VALUE_INTERPOLATION_BICUBIC);
  }

  private static BufferedImage resized(
      BufferedImage picture, int width, int height, Object interpolation) {
    BufferedImage target = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = target.createGraphics();
    try {
      graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, interpolation);
      graphics.drawImage(picture, 0, 0, width, height, null);
    } finally {
      graphics.dispose();
    }
    return target;
  }
}
