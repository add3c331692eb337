package io.github.lcm4j.benchmarks.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.util.List;
import org.junit.jupiter.api.Test;

class LatencyChartTest {
  private static final String FOOTER = "Test processor, 2 cores; ONNX Runtime, CPU, 2 threads";

  private static BufferedImage chartOf(List<Measurement> measurements) {
    return LatencyChart.render(Latencies.of(measurements, Samples.SAMPLINGS), FOOTER);
  }

  private static long pixels(BufferedImage image, int colour) {
    long count = 0;
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        if ((image.getRGB(x, y) & 0xffffff) == colour) {
          count++;
        }
      }
    }
    return count;
  }

  /** 7 + 9 + 13 + 21 seconds with LCM, 105 + 205 seconds guided: bars of one height. */
  @Test
  void barsAreAsLongAsTheirTimes() {
    List<Measurement> whole =
        Samples.measurements().stream()
            .filter(m -> m.benchmark().startsWith("StepsVersusLatency"))
            .toList();
    BufferedImage chart = chartOf(whole);
    double lcm = pixels(chart, LatencyChart.LCM.getRGB() & 0xffffff);
    double guided = pixels(chart, LatencyChart.GUIDED.getRGB() & 0xffffff);
    assertEquals(310.0 / 50, guided / lcm, 0.15, "guided area to LCM area");
  }

  /** The extrapolated panel has the larger bars, but hatched ones. */
  @Test
  void extrapolatedBarsAreNotFilled() {
    List<Measurement> parts =
        Samples.measurements().stream().filter(m -> m.benchmark().startsWith("Parts")).toList();
    List<Measurement> whole =
        Samples.measurements().stream().filter(m -> !m.benchmark().startsWith("Parts")).toList();
    int guided = LatencyChart.GUIDED.getRGB() & 0xffffff;
    long hatched = pixels(chartOf(parts), guided);
    long filled = pixels(chartOf(whole), guided);
    assertTrue(hatched > 0, "hatching");
    assertTrue(hatched < 0.6 * filled, "hatched %d, filled %d".formatted(hatched, filled));
  }

  @Test
  void panelsStandInTwoColumns() {
    BufferedImage one = chartOf(Samples.measurements().subList(0, Samples.SAMPLINGS.size()));
    BufferedImage two = chartOf(Samples.measurements());
    assertEquals(one.getWidth(), two.getWidth());
    assertEquals(one.getHeight(), two.getHeight());
  }

  @Test
  void nothingToDrawIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> chartOf(List.of()));
  }
}
