package io.github.lcm4j.benchmarks.report;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LatencyChartTest {
  @Test
  void drawsMoreThanAnEmptySheet() {
    BufferedImage image =
        LatencyChart.render(
            Samples.latencies(),
            "AMD EPYC, 2 cores; ONNX Runtime 1.29.0, CPU, 2 threads; Java 17; 2026-01-01");
    assertTrue(image.getWidth() >= 400 && image.getHeight() >= 200, "size of the chart");
    Set<Integer> colours = new HashSet<>();
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        colours.add(image.getRGB(x, y));
      }
    }
    assertTrue(colours.size() > 10, "lines, points and labels, found colours " + colours.size());
  }
}
