package io.github.lcm4j.benchmarks.report;

import java.util.ArrayList;
import java.util.List;

/** A Markdown table; the first column is text, the others are numbers unless said otherwise. */
public final class Table {
  private final List<String> header;
  private final int textColumns;
  private final List<List<String>> rows = new ArrayList<>();

  /** A table with a header and the number of its columns that hold text. */
  public Table(int textColumns, String... header) {
    this.textColumns = textColumns;
    this.header = List.of(header);
  }

  /** Adds a row with as many cells as the header. */
  public void row(String... cells) {
    if (cells.length != header.size()) {
      throw new IllegalArgumentException(
          "a row of this table has %d cells, found %d".formatted(header.size(), cells.length));
    }
    rows.add(List.of(cells));
  }

  boolean isEmpty() {
    return rows.isEmpty();
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    append(text, header);
    text.append('|');
    for (int i = 0; i < header.size(); i++) {
      text.append(i < textColumns ? " --- |" : " ---: |");
    }
    text.append('\n');
    rows.forEach(row -> append(text, row));
    return text.toString();
  }

  private static void append(StringBuilder text, List<String> cells) {
    text.append('|');
    for (String cell : cells) {
      text.append(' ').append(cell.replace("|", "\\|")).append(" |");
    }
    text.append('\n');
  }
}
