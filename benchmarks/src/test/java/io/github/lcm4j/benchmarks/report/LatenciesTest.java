package io.github.lcm4j.benchmarks.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.benchmarks.Sampling;
import java.util.List;
import org.junit.jupiter.api.Test;

class LatenciesTest {
  private final Latencies latencies = Latencies.of(Samples.measurements(), Samples.SAMPLINGS);

  @Test
  void wholeRunsAreTakenAsMeasured() {
    Latency latency = latencies.of(Samples.MEASURED, new Sampling(true, 4)).orElseThrow();
    assertFalse(latency.extrapolated());
    assertEquals(new Spread(13, 12.5, 13.5), latency.seconds());
    assertEquals(105.0 / 13, latencies.ratio(Samples.MEASURED).orElseThrow(), 1e-12);
  }

  /** Text 0.5 s, UNet 40 s alone and 90 s guided, decoding 20 s. */
  @Test
  void othersArePutTogetherFromTheirPartsAndSaySo() {
    Latency few = latencies.of(Samples.EXTRAPOLATED, new Sampling(true, 4)).orElseThrow();
    assertTrue(few.extrapolated());
    assertEquals(0.5 + 4 * 40 + 20, few.seconds().middle(), 1e-9);
    Latency many = latencies.of(Samples.EXTRAPOLATED, new Sampling(false, 25)).orElseThrow();
    assertTrue(many.extrapolated());
    assertEquals(2 * 0.5 + 25 * 90 + 20, many.seconds().middle(), 1e-9);
  }

  @Test
  void withoutAllPartsNothingIsExtrapolated() {
    List<Measurement> withoutDecoder =
        Samples.measurements().stream()
            .filter(m -> !m.benchmark().equals("Parts.vaeDecode"))
            .toList();
    assertEquals(
        List.of(Samples.MEASURED), Latencies.of(withoutDecoder, Samples.SAMPLINGS).cases());
  }
}
