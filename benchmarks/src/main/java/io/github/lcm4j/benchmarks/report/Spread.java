package io.github.lcm4j.benchmarks.report;

import java.util.Arrays;
import java.util.Locale;

/**
 * A value measured several times.
 *
 * @param middle the median
 * @param low smallest
 * @param high largest
 */
public record Spread(double middle, double low, double high) {
  /** The median of some values and their range. */
  public static Spread ofMedian(double... values) {
    if (values.length == 0) {
      throw new IllegalArgumentException("a spread needs values");
    }
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int half = sorted.length / 2;
    double median = sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    return new Spread(median, sorted[0], sorted[sorted.length - 1]);
  }

  /** Three significant digits, and the range where there is one: {@code 2.31 (2.28–2.40)}. */
  @Override
  public String toString() {
    String text = number(middle);
    String from = number(low);
    String to = number(high);
    return from.equals(to) ? text : "%s (%s–%s)".formatted(text, from, to);
  }

  /** Three significant digits, no exponent. */
  public static String number(double value) {
    double magnitude = Math.abs(value);
    if (magnitude == 0) {
      return "0";
    }
    int digits = Math.max(0, 2 - (int) Math.floor(Math.log10(magnitude)));
    return String.format(Locale.ROOT, "%." + digits + "f", value);
  }

  /** A time with a unit that suits it. */
  public static String seconds(double value) {
    double magnitude = Math.abs(value);
    if (magnitude >= 1) {
      return number(value) + " s";
    }
    return magnitude >= 1e-3 ? number(value * 1e3) + " ms" : number(value * 1e6) + " µs";
  }
}
