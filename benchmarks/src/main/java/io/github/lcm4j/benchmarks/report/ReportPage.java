package io.github.lcm4j.benchmarks.report;

import io.github.lcm4j.benchmarks.CopyRate;
import io.github.lcm4j.benchmarks.Sampling;
import io.github.lcm4j.benchmarks.model.Architecture;
import io.github.lcm4j.benchmarks.model.Network;
import io.github.lcm4j.benchmarks.model.SyntheticLora;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** The results as a Markdown page. */
public final class ReportPage {
  private static final Map<String, String> PART_NAMES =
      Map.of(
          "textEncoders", "text encoders, one prompt",
          "unetStep", "UNet step",
          "vaeDecode", "VAE decode, one picture");

  private final Run run;
  private final List<Sampling> samplings;
  private final Latencies latencies;
  private final StringBuilder page = new StringBuilder();

  private ReportPage(Run run, List<Sampling> samplings) {
    this.run = run;
    this.samplings = samplings;
    this.latencies = Latencies.of(run.measurements(), samplings);
  }

  /**
   * Writes the page.
   *
   * @param run what was measured
   * @param samplings the columns of the table of latencies
   * @param chart name of the chart's file beside the page; empty for none
   */
  public static String write(Run run, List<Sampling> samplings, String chart) {
    return new ReportPage(run, samplings).write(chart);
  }

  private String write(String chart) {
    page.append("# lcm4j benchmarks\n\n");
    headline();
    machine();
    if (!chart.isEmpty() && !latencies.cases().isEmpty()) {
      page.append("![Steps against latency](").append(chart).append(")\n\n");
    }
    steps();
    parts();
    schedulers();
    folding();
    startUp();
    memory();
    section("Side by side with peers", run.sideBySide());
    if (!run.skipped().isEmpty()) {
      page.append("## Skipped\n\n");
      run.skipped().forEach(line -> page.append("- ").append(line).append('\n'));
      page.append('\n');
    }
    return page.toString().strip() + "\n";
  }

  private void section(String title, String body) {
    if (!body.isEmpty()) {
      page.append("## ").append(title).append("\n\n").append(body.strip()).append("\n\n");
    }
  }

  private void section(String title, String introduction, Table table) {
    if (!table.isEmpty()) {
      section(title, introduction.isEmpty() ? table.toString() : introduction + "\n\n" + table);
    }
  }

  private void headline() {
    for (Case subject : latencies.cases()) {
      latencies
          .ratio(subject)
          .ifPresent(
              ratio ->
                  page.append(
                      "**%s, %s: 4 LCM steps are %.1f times as fast as 25 guided steps%s.**\n\n"
                          .formatted(
                              subject.model(),
                              subject.size(),
                              ratio,
                              isExtrapolated(subject) ? " (extrapolated)" : "")));
    }
  }

  private boolean isExtrapolated(Case subject) {
    return latencies.of(subject).stream().anyMatch(Latency::extrapolated);
  }

  private void machine() {
    Machine machine = run.machine();
    Table table = new Table(2, "", "");
    table.row("date", run.date());
    table.row("processor", "%s, %d cores".formatted(machine.processor(), machine.cores()));
    table.row(
        "memory",
        "%s GiB, %s GiB available".formatted(gib(machine.memory()), gib(machine.available())));
    table.row("system", machine.system());
    table.row("Java", machine.java());
    run.settings().forEach(table::row);
    page.append(table).append('\n');
  }

  private static String gib(long bytes) {
    return String.format(Locale.ROOT, "%.1f", bytes / (double) (1 << 30));
  }

  private void steps() {
    String[] header = new String[samplings.size() + 3];
    header[0] = "model";
    header[1] = "size";
    for (int i = 0; i < samplings.size(); i++) {
      Sampling sampling = samplings.get(i);
      header[i + 2] = (sampling.lcm() ? "LCM %d" : "guided %d").formatted(sampling.steps());
    }
    header[header.length - 1] = "guided 25 : LCM 4";
    Table table = new Table(2, header);
    for (Case subject : latencies.cases()) {
      String[] row = new String[header.length];
      row[0] = subject.model();
      row[1] = subject.size();
      for (int i = 0; i < samplings.size(); i++) {
        row[i + 2] = latencies.of(subject, samplings.get(i)).map(ReportPage::seconds).orElse("");
      }
      row[row.length - 1] =
          latencies.ratio(subject).map(r -> String.format(Locale.ROOT, "%.1f", r)).orElse("");
      table.row(row);
    }
    boolean extrapolated = latencies.cases().stream().anyMatch(this::isExtrapolated);
    section(
        "Steps against latency",
        "Seconds for one `generate` call, prompt to picture: median and, where there was more than one"
            + " run, the range. LCM: LCM-LoRA folded in, guidance 1. Guided: the base, guidance 7.5,"
            + " two UNet evaluations a step."
            + (extrapolated
                ? " **≈ is extrapolated** from one evaluation of each part, not measured as a whole."
                : ""),
        table);
  }

  private static String seconds(Latency latency) {
    return (latency.extrapolated() ? "≈ " : "") + latency.seconds();
  }

  /** The best rate over the sizes, in operations a second. */
  private OptionalDouble matrixProductRate() {
    return run.measurements().stream()
        .filter(m -> m.benchmark().equals("MatrixProductRate.multiply"))
        .mapToDouble(
            m -> 2 * Math.pow(Double.parseDouble(m.parameter("side")), 3) / m.time().middle())
        .max();
  }

  private void parts() {
    OptionalDouble rate = matrixProductRate();
    Table table =
        new Table(3, "model", "size", "part", "time", "GFLOP", "GFLOP/s", "of matrix product rate");
    for (Measurement measurement : run.measurements()) {
      if (measurement.benchmark().startsWith("Parts.")) {
        Case subject = measurement.subject();
        String part = measurement.benchmark().substring("Parts.".length());
        OptionalDouble flops = flops(part, subject);
        double seconds = measurement.time().middle();
        table.row(
            subject.model(),
            subject.size(),
            PART_NAMES.getOrDefault(part, part),
            Spread.seconds(seconds),
            number(flops, 1e-9),
            number(flops, 1e-9 / seconds),
            flops.isPresent() && rate.isPresent()
                ? String.format(
                    Locale.ROOT, "%.2f", flops.getAsDouble() / seconds / rate.getAsDouble())
                : "");
      }
    }
    section(
        "Parts",
        "Operations are those of the matrix products that the network's definition asks for (linear"
            + " layers, convolutions, attention)."
            + (rate.isPresent()
                ? " This machine's float32 matrix product through ONNX Runtime reaches %s GFLOP/s."
                    .formatted(Spread.number(rate.getAsDouble() * 1e-9))
                : ""),
        table);
  }

  private OptionalDouble flops(String part, Case subject) {
    Optional<Architecture> architecture = run.architecture(subject.checkpoint());
    if (architecture.isEmpty()) {
      return OptionalDouble.empty();
    }
    Architecture model = architecture.get();
    return OptionalDouble.of(
        switch (part) {
          case "unetStep" -> model.unet().flops(model.extent(subject.batch(), subject.pixels()));
          case "vaeDecode" -> model.vaeDecoder().flops(model.extent(1, subject.pixels()));
          default ->
              model.textEncoders().stream()
                  .mapToLong(encoder -> encoder.flops(model.extent(1, subject.pixels())))
                  .sum();
        });
  }

  private static String number(OptionalDouble value, double factor) {
    return value.isPresent() ? Spread.number(value.getAsDouble() * factor) : "";
  }

  private void schedulers() {
    Table table = new Table(2, "scheduler", "latents", "time");
    for (Measurement measurement : run.measurements()) {
      if (measurement.benchmark().equals("SchedulerStep.run")) {
        String side = measurement.parameter("latents");
        table.row(
            measurement.parameter("scheduler"),
            "4×%s×%s".formatted(side, side),
            Spread.seconds(measurement.time().middle()));
      }
    }
    section("Scheduler step", "", table);
  }

  private void folding() {
    Table table =
        new Table(
            1,
            "model",
            "time",
            "GFLOP",
            "GFLOP/s",
            "of the bound's speed",
            "folded weights, MiB",
            "extra memory, MiB");
    for (Measurement measurement : run.measurements()) {
      if (measurement.benchmark().equals("Folding.fold")) {
        foldingRow(table, measurement);
      }
    }
    section(
        "Folding the LCM-LoRA",
        "Reading the LoRA and folding it into all its weights, in float32, no session created; each"
            + " the first thing a Java machine does. The bound: the products at the rate of the matrix"
            + " product, plus reading each weight and writing it once at the rate of a copy. Extra"
            + " memory: the peak of what belongs to no file, above the mapped weights.",
        table);
  }

  /** What is folded is known of the LoRAs this program writes. */
  private void foldingRow(Table table, Measurement measurement) {
    Case subject = measurement.subject();
    double seconds = measurement.time().middle();
    String extra = secondary(measurement, "grownAnonymous");
    if (!isSynthetic(subject) || !measurement.parameter("lora").equals("auto")) {
      table.row(subject.model(), Spread.seconds(seconds), "", "", "", "", extra);
      return;
    }
    Network unet = Architecture.named(subject.checkpoint()).unet();
    long weights = SyntheticLora.touchedWeights(unet);
    double flops = SyntheticLora.foldingFlops(unet, SyntheticLora.RANK);
    double moved = weights * (subject.dtype().equals("float32") ? 4 : 2) + weights * 4.0;
    OptionalDouble product = matrixProductRate();
    OptionalDouble copy = copyRate();
    table.row(
        subject.model(),
        Spread.seconds(seconds),
        Spread.number(flops * 1e-9),
        Spread.number(flops * 1e-9 / seconds),
        product.isPresent() && copy.isPresent()
            ? Spread.number((flops / product.getAsDouble() + moved / copy.getAsDouble()) / seconds)
            : "",
        Spread.number(4.0 * weights / (1 << 20)),
        extra);
  }

  /** Bytes read and written a second by a copy. */
  private OptionalDouble copyRate() {
    return run.measurements().stream()
        .filter(m -> m.benchmark().equals("CopyRate.copy"))
        .mapToDouble(m -> 2.0 * CopyRate.BYTES / m.time().middle())
        .max();
  }

  private static boolean isSynthetic(Case subject) {
    return subject.checkpoint().equals("sd15") || subject.checkpoint().equals("sdxl");
  }

  private void startUp() {
    Table table = new Table(2, "model", "size", "ready pipeline", "first picture, 4 steps");
    for (Measurement load : run.measurements()) {
      if (load.benchmark().equals("StartUp.load")) {
        Optional<Measurement> picture =
            run.measurements().stream()
                .filter(
                    m ->
                        m.benchmark().equals("StartUp.firstPicture")
                            && m.subject().equals(load.subject()))
                .findFirst();
        table.row(
            load.subject().model(),
            load.subject().size(),
            load.time().toString(),
            picture.map(p -> p.time().toString()).orElse(""));
      }
    }
    section(
        "Start-up",
        "Seconds from files to a pipeline with the LCM-LoRA folded in, and to its first picture, each"
            + " the first thing a Java machine does; files in the system's cache.",
        table);
  }

  private void memory() {
    Table table =
        new Table(3, "model", "size", "what", "resident", "native", "heap", "outside networks");
    for (Measurement measurement : run.measurements()) {
      boolean generates = measurement.benchmark().equals("StepsVersusLatency.generate");
      if (generates || measurement.benchmark().equals("StartUp.load")) {
        Double outside = measurement.secondary().get("outsideNetworks");
        table.row(
            measurement.subject().model(),
            measurement.subject().size(),
            generates ? measurement.parameter("sampling") : "loading with LoRA",
            secondary(measurement, "peakResident"),
            secondary(measurement, "peakNative"),
            secondary(measurement, "peakHeap"),
            outside == null ? "" : String.format(Locale.ROOT, "%.2f %%", outside));
      }
    }
    section(
        "Peak memory, and time outside the networks",
        "MiB. Resident counts mapped weights too, which the system can drop and read again; native is"
            + " what belongs to no file, less the Java heap. Outside the networks: the share of"
            + " `generate` in schedulers, noise, guidance and pixels.",
        table);
  }

  private static String secondary(Measurement measurement, String name) {
    Double value = measurement.secondary().get(name);
    return value == null ? "" : Spread.number(value);
  }
}
