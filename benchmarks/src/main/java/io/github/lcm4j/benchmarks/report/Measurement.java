package io.github.lcm4j.benchmarks.report;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;

/**
 * One benchmark with its parameters, measured.
 *
 * @param benchmark class and method, for instance {@code Parts.unetStep}
 * @param parameters JMH's parameters
 * @param time the measured time, its median and range
 * @param secondary what profilers added, by name
 */
public record Measurement(
    String benchmark, Map<String, String> parameters, Spread time, Map<String, Double> secondary) {

  /** Takes JMH's results over; times in seconds. */
  public static List<Measurement> of(Collection<RunResult> results) {
    return results.stream().map(Measurement::of).toList();
  }

  private static Measurement of(RunResult run) {
    BenchmarkParams params = run.getParams();
    Map<String, String> parameters = new LinkedHashMap<>();
    for (String key : params.getParamsKeys()) {
      parameters.put(key, params.getParam(key));
    }
    Map<String, Double> secondary = new LinkedHashMap<>();
    run.getSecondaryResults().forEach((name, result) -> secondary.put(name, result.getScore()));
    String name = params.getBenchmark();
    int method = name.lastIndexOf('.');
    Result<?> primary = run.getPrimaryResult();
    double unit = params.getTimeUnit().toNanos(1) * 1e-9;
    return new Measurement(
        name.substring(name.lastIndexOf('.', method - 1) + 1),
        parameters,
        new Spread(
            unit * primary.getStatistics().getPercentile(50),
            unit * primary.getStatistics().getMin(),
            unit * primary.getStatistics().getMax()),
        secondary);
  }

  /** The case it belongs to, where it has a checkpoint. */
  public Case subject() {
    return new Case(
        parameter("checkpoint"),
        parameter("dtype"),
        Integer.parseInt(parameter("size")),
        Integer.parseInt(parameter("batch")));
  }

  /**
   * A parameter.
   *
   * @throws IllegalArgumentException if the benchmark has none of that name
   */
  public String parameter(String name) {
    String value = parameters.get(name);
    if (value == null) {
      throw new IllegalArgumentException(
          "%s has no parameter %s, but %s".formatted(benchmark, name, parameters.keySet()));
    }
    return value;
  }
}
