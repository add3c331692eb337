package io.github.lcm4j.benchmarks.report;

import java.awt.image.BufferedImage;
import java.io.File;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

class LatencyChartTest {
  @Test
  void x() throws Exception {
    BufferedImage image =
        LatencyChart.render(
            Samples.latencies(),
            "AMD EPYC, 2 cores; ONNX Runtime 1.29.0, CPU, 2 threads; Java 17; 2026-01-01");
    ImageIO.write(image, "png", new File("/tmp/chart.png"));
  }
}
