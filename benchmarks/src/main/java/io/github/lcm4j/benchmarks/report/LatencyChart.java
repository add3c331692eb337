package io.github.lcm4j.benchmarks.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.Rectangle;
import java.awt.RenderingHints;
import java.awt.TexturePaint;
import java.awt.geom.Rectangle2D;
import java.awt.geom.RoundRectangle2D;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Steps against latency as bars, a panel for each model and size. The length of a bar is its time;
 * hatched bars are extrapolated. Needs no screen, but a font.
 */
public final class LatencyChart {
  private static final int SCALE = 2;
  private static final int WIDTH = 1000;
  private static final int MARGIN = 28;
  private static final int GAP = 36;
  private static final int LABEL = 134;
  private static final int VALUE = 84;
  private static final int ROW = 27;
  private static final int BAR = 17;
  private static final int PANEL_HEAD = 58;
  private static final int HEAD = 84;
  private static final int FOOT = 40;

  private static final Color BACKGROUND = Color.WHITE;
  private static final Color TEXT = new Color(0x1f2933);
  private static final Color FAINT = new Color(0x6b7785);
  static final Color LCM = new Color(0x0b7a75);
  static final Color GUIDED = new Color(0xc3ccd6);
  private static final Color RULE = new Color(0xe3e8ee);

  private static final Font TITLE = new Font(Font.SANS_SERIF, Font.BOLD, 21);
  private static final Font PANEL_TITLE = new Font(Font.SANS_SERIF, Font.BOLD, 15);
  private static final Font PLAIN = new Font(Font.SANS_SERIF, Font.PLAIN, 13);
  private static final Font BOLD = new Font(Font.SANS_SERIF, Font.BOLD, 13);

  private final Latencies latencies;
  private final String footer;
  private final int columns;
  private final int panelWidth;
  private final int panelHeight;
  private final int rows;

  private LatencyChart(Latencies latencies, String footer) {
    this.latencies = latencies;
    this.footer = footer;
    List<Case> cases = latencies.cases();
    this.columns = cases.size() == 1 ? 1 : 2;
    this.rows = (cases.size() + columns - 1) / columns;
    this.panelWidth = (WIDTH - 2 * MARGIN - (columns - 1) * GAP) / columns;
    int bars = cases.stream().mapToInt(c -> latencies.of(c).size()).max().orElse(0);
    this.panelHeight = PANEL_HEAD + bars * ROW;
  }

  /**
   * Draws.
   *
   * @param latencies at least one
   * @param footer a line at the bottom: machine and settings
   * @return the chart
   * @throws IllegalArgumentException if there are no latencies
   */
  public static BufferedImage render(Latencies latencies, String footer) {
    if (latencies.cases().isEmpty()) {
      throw new IllegalArgumentException("a chart needs at least one latency");
    }
    return new LatencyChart(latencies, footer).render();
  }

  private BufferedImage render() {
    int height = HEAD + rows * panelHeight + (rows - 1) * GAP + FOOT;
    BufferedImage image =
        new BufferedImage(SCALE * WIDTH, SCALE * height, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = image.createGraphics();
    try {
      g.scale(SCALE, SCALE);
      g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
      g.setRenderingHint(
          RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
      g.setRenderingHint(
          RenderingHints.KEY_FRACTIONALMETRICS, RenderingHints.VALUE_FRACTIONALMETRICS_ON);
      g.setColor(BACKGROUND);
      g.fillRect(0, 0, WIDTH, height);
      text(g, TITLE, TEXT, "Prompt to picture, by number of steps", MARGIN, 38);
      text(g, PLAIN, FAINT, legend(), MARGIN, 61);
      List<Case> cases = latencies.cases();
      for (int i = 0; i < cases.size(); i++) {
        int x = MARGIN + i % columns * (panelWidth + GAP);
        int y = HEAD + i / columns * (panelHeight + GAP);
        panel(g, cases.get(i), x, y);
      }
      text(g, PLAIN, FAINT, footer, MARGIN, height - 15);
    } finally {
      g.dispose();
    }
    return image;
  }

  private String legend() {
    boolean extrapolated =
        latencies.cases().stream()
            .flatMap(c -> latencies.of(c).stream())
            .anyMatch(Latency::extrapolated);
    return "LCM: LCM-LoRA at guidance 1. Guided: the base at guidance 7.5, two evaluations a step."
        + (extrapolated ? " Hatched: extrapolated from the parts." : "");
  }

  private void panel(Graphics2D g, Case subject, int x, int y) {
    List<Latency> bars = latencies.of(subject);
    boolean extrapolated = bars.stream().anyMatch(Latency::extrapolated);
    g.setColor(RULE);
    g.setStroke(new BasicStroke(1));
    g.drawLine(x, y, x + panelWidth, y);
    text(g, PANEL_TITLE, TEXT, subject.model() + ", " + subject.size(), x, y + 23);
    Optional<Double> ratio = latencies.ratio(subject);
    if (ratio.isPresent()) {
      String line =
          String.format(Locale.ROOT, "4 LCM steps: %.1f× as fast as 25 guided steps", ratio.get());
      text(g, PLAIN, FAINT, line + (extrapolated ? " (extrapolated)" : ""), x, y + 43);
    }
    double longest = bars.stream().mapToDouble(b -> b.seconds().middle()).max().orElse(1);
    int room = panelWidth - LABEL - VALUE;
    for (int i = 0; i < bars.size(); i++) {
      bar(g, bars.get(i), room / longest, x, y + PANEL_HEAD + i * ROW);
    }
  }

  private static void bar(Graphics2D g, Latency latency, double perSecond, int x, int y) {
    boolean lcm = latency.sampling().lcm();
    int steps = latency.sampling().steps();
    boolean named = lcm ? steps == 4 : steps == 25;
    Font font = named ? BOLD : PLAIN;
    String label =
        "%s %d %s".formatted(lcm ? "LCM" : "guided", steps, steps == 1 ? "step" : "steps");
    int baseline = y + BAR - 4;
    text(
        g, font, TEXT, label, x + LABEL - 12 - g.getFontMetrics(font).stringWidth(label), baseline);
    double length = Math.max(2, latency.seconds().middle() * perSecond);
    Rectangle2D shape = new Rectangle2D.Double(x + LABEL, y, length, BAR);
    Color color = lcm ? LCM : GUIDED;
    if (latency.extrapolated()) {
      g.setPaint(hatching(color));
      g.fill(shape);
      g.setColor(color);
      g.draw(shape);
    } else {
      g.setColor(color);
      g.fill(new RoundRectangle2D.Double(x + LABEL, y, length, BAR, 4, 4));
    }
    String value =
        (latency.extrapolated() ? "≈ " : "") + Spread.seconds(latency.seconds().middle());
    text(g, font, TEXT, value, x + LABEL + (int) Math.ceil(length) + 8, baseline);
  }

  private static TexturePaint hatching(Color color) {
    BufferedImage tile = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = tile.createGraphics();
    g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    g.setColor(BACKGROUND);
    g.fillRect(0, 0, 8, 8);
    g.setColor(color);
    g.setStroke(new BasicStroke(2.4f));
    for (int shift = -8; shift <= 8; shift += 8) {
      g.drawLine(shift - 2, 10, shift + 10, -2);
    }
    g.dispose();
    return new TexturePaint(tile, new Rectangle(0, 0, 8, 8));
  }

  private static void text(Graphics2D g, Font font, Color color, String text, int x, int y) {
    g.setFont(font);
    g.setColor(color);
    g.drawString(text, x, y);
  }
}
