package io.github.lcm4j.benchmarks.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpreadTest {
  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "0.012345, 0.0123",
    "0.9996, 1.000",
    "1.2345, 1.23",
    "12.345, 12.3",
    "1234.4, 1234",
    "-2.5, -2.50"
  })
  void threeSignificantDigits(double value, String expected) {
    assertEquals(expected, Spread.number(value));
  }

  @ParameterizedTest
  @CsvSource({"12.3, 12.3 s", "0.0456, 45.6 ms", "0.0000789, 78.9 µs"})
  void unitsSuitTheTime(double seconds, String expected) {
    assertEquals(expected, Spread.seconds(seconds));
  }

  @Test
  void mediansAndRanges() {
    assertEquals(new Spread(2, 1, 9), Spread.ofMedian(9, 1, 2));
    assertEquals(new Spread(1.5, 1, 2), Spread.ofMedian(2, 1));
    assertThrows(IllegalArgumentException.class, Spread::ofMedian);
    assertEquals("2.00 (1.00–9.00)", new Spread(2, 1, 9).toString());
    assertEquals("2.00", new Spread(2, 2.0001, 1.9999).toString());
  }
}
