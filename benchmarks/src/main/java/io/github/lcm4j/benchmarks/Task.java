package io.github.lcm4j.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * One call of JMH.
 *
 * @param benchmark class and, unless all of its methods are meant, method
 * @param parameters values of each of its parameters
 * @param warmup unmeasured calls in each Java machine; negative for what the benchmark says
 * @param iterations measured calls in each Java machine; negative for what the benchmark says
 */
record Task(String benchmark, Map<String, String[]> parameters, int warmup, int iterations) {
  static Task of(Class<?> benchmark, String method) {
    return new Task(benchmark.getName() + (method.isEmpty() ? "" : "." + method), Map.of(), -1, -1);
  }

  Task with(String parameter, Object... values) {
    Map<String, String[]> copy = new LinkedHashMap<>(parameters);
    String[] texts = new String[values.length];
    for (int i = 0; i < values.length; i++) {
      texts[i] = String.valueOf(values[i]);
    }
    copy.put(parameter, texts);
    return new Task(benchmark, copy, warmup, iterations);
  }

  Task times(int newWarmup, int newIterations) {
    return new Task(benchmark, parameters, newWarmup, newIterations);
  }

  Options options(String... systemProperties) {
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include("^" + Pattern.quote(benchmark) + "(\\.|$)")
            .shouldFailOnError(true)
            .jvmArgsPrepend(systemProperties)
            .addProfiler(ResourceProfiler.class);
    if (warmup >= 0) {
      options.warmupIterations(warmup);
    }
    if (iterations >= 0) {
      options.measurementIterations(iterations);
    }
    parameters.forEach(options::param);
    return options.build();
  }

  /** For progress: the benchmark without its package, and its parameters. */
  @Override
  public String toString() {
    StringBuilder text =
        new StringBuilder(benchmark.substring(Task.class.getPackageName().length() + 1));
    parameters.forEach(
        (name, values) ->
            text.append(' ').append(name).append('=').append(String.join(",", values)));
    return text.toString();
  }
}
