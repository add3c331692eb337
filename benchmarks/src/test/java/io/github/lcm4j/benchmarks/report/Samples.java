package io.github.lcm4j.benchmarks.report;

import io.github.lcm4j.benchmarks.Sampling;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Made-up measurements whose results can be computed by hand. */
final class Samples {
  static final Case MEASURED = new Case("sd15", "float32", 512, 1);
  static final Case EXTRAPOLATED = new Case("sdxl", "float16", 1024, 1);

  static final List<Sampling> SAMPLINGS =
      List.of(
          new Sampling(true, 1),
          new Sampling(true, 2),
          new Sampling(true, 4),
          new Sampling(true, 8),
          new Sampling(false, 25),
          new Sampling(false, 50));

  private Samples() {}

  /** 5 seconds for text and picture, 2 for each UNet evaluation; and the parts of another model. */
  static List<Measurement> measurements() {
    List<Measurement> all = new ArrayList<>();
    for (Sampling sampling : SAMPLINGS) {
      double seconds = 5 + 2 * sampling.evaluations();
      all.add(
          measurement(
              "StepsVersusLatency.generate",
              MEASURED,
              new Spread(seconds, seconds - 0.5, seconds + 0.5),
              Map.of("sampling", sampling.toString()),
              Map.of("peakResident", 4321.0, "outsideNetworks", 0.25)));
    }
    all.add(part("textEncoders", EXTRAPOLATED, 0.5));
    all.add(part("unetStep", EXTRAPOLATED, 40));
    all.add(part("unetStep", new Case("sdxl", "float16", 1024, 2), 90));
    all.add(part("vaeDecode", EXTRAPOLATED, 20));
    return all;
  }

  static Latencies latencies() {
    return Latencies.of(measurements(), SAMPLINGS);
  }

  private static Measurement part(String part, Case subject, double seconds) {
    return measurement(
        "Parts." + part, subject, new Spread(seconds, seconds, seconds), Map.of(), Map.of());
  }

  static Measurement measurement(
      String benchmark,
      Case subject,
      Spread time,
      Map<String, String> parameters,
      Map<String, Double> secondary) {
    Map<String, String> all = new LinkedHashMap<>(parameters);
    all.put("checkpoint", subject.checkpoint());
    all.put("dtype", subject.dtype());
    all.put("size", Integer.toString(subject.pixels()));
    all.put("batch", Integer.toString(subject.batch()));
    return new Measurement(benchmark, all, time, secondary);
  }
}
