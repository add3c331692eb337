package io.github.lcm4j.cli;

import java.awt.image.BufferedImage;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Pictures in rows and columns, with what is to be read beside them.
 *
 * @param title above all
 * @param columns headings of the columns; empty for none
 * @param rows the rows, from the top
 * @param footer small print below all
 */
record Sheet(String title, List<Text> columns, List<Row> rows, String footer) {
  /**
   * Two lines.
   *
   * @param heading the upper, stronger one
   * @param detail the lower one; empty for none
   */
  record Text(String heading, String detail) {}

  /**
   * A row.
   *
   * @param label at its left
   * @param cells its pictures from the left; null leaves a place empty
   */
  record Row(Text label, List<@Nullable Cell> cells) {}

  /**
   * A picture.
   *
   * @param picture the picture
   * @param caption below it; null for none
   */
  record Cell(BufferedImage picture, @Nullable Text caption) {}
}
