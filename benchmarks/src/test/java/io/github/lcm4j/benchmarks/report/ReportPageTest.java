package io.github.lcm4j.benchmarks.report;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.benchmarks.CopyRate;
import io.github.lcm4j.benchmarks.model.Architecture;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReportPageTest {
  private static final Machine MACHINE =
      new Machine("Test processor", 2, 8L << 30, 6L << 30, "Linux", "Java 17");

  private static String page(List<Measurement> measurements, List<String> skipped) {
    Run run =
        new Run(
            "2026-01-01",
            MACHINE,
            Map.of("threads", "2"),
            measurements,
            Map.of("sd15", Architecture.named("sd15"), "sdxl", Architecture.named("sdxl")),
            "",
            skipped);
    return ReportPage.write(run, Samples.SAMPLINGS, "chart.png");
  }

  private static void assertHas(String page, String expected) {
    assertTrue(page.contains(expected), () -> "expected '%s' in:\n%s".formatted(expected, page));
  }

  @Test
  void headlineAndTableOfLatencies() {
    String page = page(Samples.measurements(), List.of("SDXL: needs 18.7 GiB"));
    assertHas(page, "**SD 1.5, float32, 512×512: 4 LCM steps are 8.1 times as fast as 25");
    assertHas(page, "12.6 times as fast as 25 guided steps (extrapolated).**");
    assertHas(page, "| model | size | LCM 1 | LCM 2 | LCM 4 | LCM 8 | guided 25 | guided 50 |");
    assertHas(page, "| SD 1.5, float32 | 512×512 | 7.00 (6.50–7.50) | 9.00 (8.50–9.50) |");
    assertHas(page, "| SDXL, float16 | 1024×1024 | ≈ 60.5 | ≈ 101 |");
    assertHas(page, "**≈ is extrapolated**");
    assertHas(page, "![Steps against latency](chart.png)");
    assertHas(page, "## Skipped\n\n- SDXL: needs 18.7 GiB");
    assertHas(page, "| SD 1.5, float32 | 512×512 | lcm-4 | 4321 |  |  | 0.25 % |");
  }

  @Test
  void whatIsNotExtrapolatedIsNotCalledSo() {
    List<Measurement> whole =
        Samples.measurements().stream()
            .filter(m -> m.benchmark().startsWith("StepsVersusLatency"))
            .toList();
    assertFalse(page(whole, List.of()).contains("xtrapolated"));
  }

  /** 2048³·2 operations in a tenth of a second are 172 GFLOP/s, UNet step: 803 GFLOP in 5 s. */
  @Test
  void ratesAndSharesOfTheMachines() {
    List<Measurement> all = new ArrayList<>();
    Case sd15 = Samples.MEASURED;
    all.add(
        new Measurement(
            "MatrixProductRate.multiply",
            Map.of("side", "2048"),
            new Spread(0.1, 0.1, 0.1),
            Map.of()));
    all.add(
        new Measurement(
            "CopyRate.copy",
            Map.of(),
            new Spread(2.0 * CopyRate.BYTES / 10e9, 0, 0), // 10 GB/s
            Map.of()));
    all.add(Samples.measurement("Parts.unetStep", sd15, new Spread(5, 5, 5), Map.of(), Map.of()));
    all.add(
        Samples.measurement(
            "Folding.fold",
            sd15,
            new Spread(2, 2, 2),
            Map.of("lora", "auto"),
            Map.of("grownAnonymous", 3300.0)));
    String page = page(all, List.of());
    assertHas(page, "reaches 172 GFLOP/s");
    assertHas(page, "| UNet step | 5.00 s | 803 | 161 | 0.94 |");
    // 857,006,080 weights: 109.7 GFLOP / 171.8 GFLOP/s + 6.856 GB / 10 GB/s = 1.324 s of 2 s.
    assertHas(page, "| SD 1.5, float32 | 2.00 s | 110 | 54.8 | 0.662 | 3269 | 3300 |");
  }

  @Test
  void tablesRefuseRowsOfAnotherWidth() {
    Table table = new Table(1, "a", "b");
    assertThrows(IllegalArgumentException.class, () -> table.row("1"));
    table.row("x|y", "2");
    assertTrue(table.toString().endsWith("| x\\|y | 2 |\n"), table.toString());
    assertTrue(table.toString().contains("| --- | ---: |"), table.toString());
  }
}
