package io.github.lcm4j.cli;

import io.github.lcm4j.Cancellation;
import io.github.lcm4j.GeneratedImage;
import io.github.lcm4j.ImageRequest;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.cli.Sheet.Cell;
import io.github.lcm4j.cli.Sheet.Row;
import io.github.lcm4j.cli.Sheet.Text;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * The base with guidance beside LCM-LoRA without, for the same prompts and noise: one prompt at
 * many numbers of steps, or several prompts at few.
 */
final class Comparison {
  private static final int FULL = 25;
  private static final List<Integer> LCM_STEPS = List.of(1, 2, 4, 8);

  /** Runs shorter than this are repeated: one alone is at the mercy of whatever else runs. */
  private static final long QUICK_NANOS = 2_000_000_000L;

  private static final int REPEATS = 3;

  /**
   * A picture and its cost.
   *
   * @param picture the picture
   * @param unetCalls UNet evaluations
   * @param nanos the whole request: text, denoising and decoding
   */
  record Measured(BufferedImage picture, int unetCalls, long nanos) {}

  private final ImageRequest request;
  private final List<String> prompts;
  private final String device;
  private final List<Integer> baseSteps;
  private final List<List<Measured>> base = new ArrayList<>();
  private final List<List<Measured>> lcm = new ArrayList<>();
  private String baseScheduler = "";

  /**
   * A comparison that has not run.
   *
   * @param request seed, size, and the guidance of the base
   * @param prompts what to draw
   * @param device where it is computed, for the small print
   */
  Comparison(ImageRequest request, List<String> prompts, String device) {
    this.request = request;
    this.prompts = prompts;
    this.device = device;
    this.baseSteps = prompts.size() == 1 ? List.of(1, 2, 4, 8, FULL) : List.of(FULL);
  }

  /** All steps that a listener is told of. */
  int steps() {
    return prompts.size() * (sum(baseSteps) + sum(LCM_STEPS));
  }

  private static int sum(List<Integer> values) {
    return values.stream().mapToInt(Integer::intValue).sum();
  }

  void runBase(Pipeline pipeline, Progress progress) {
    baseScheduler = pipeline.scheduler().name().replace("Scheduler", "");
    base.addAll(run(pipeline, request, baseSteps, progress));
  }

  void runLcm(Pipeline pipeline, Progress progress) {
    lcm.addAll(run(pipeline, request.guidanceScale(1), LCM_STEPS, progress));
  }

  private List<List<Measured>> run(
      Pipeline pipeline, ImageRequest common, List<Integer> steps, Progress progress) {
    // The first run of a process is slower: code is compiled, memory is fetched.
    pipeline.generate(common.prompt(prompts.get(0)).steps(2));
    List<List<Measured>> rows = new ArrayList<>();
    for (String prompt : prompts) {
      List<Measured> row = new ArrayList<>();
      for (int count : steps) {
        row.add(measure(pipeline, common.prompt(prompt).steps(count), progress));
      }
      rows.add(row);
    }
    return rows;
  }

  private static Measured measure(Pipeline pipeline, ImageRequest request, Progress progress) {
    GeneratedImage image = pipeline.generate(request, progress, new Cancellation()).get(0);
    long[] nanos = {image.timings().total().toNanos()};
    if (nanos[0] < QUICK_NANOS) {
      nanos = Arrays.copyOf(nanos, REPEATS);
      for (int i = 1; i < REPEATS; i++) {
        nanos[i] = pipeline.generate(request).get(0).timings().total().toNanos();
      }
    }
    return new Measured(image.image(), image.timings().unetCalls(), median(LongStream.of(nanos)));
  }

  private static long median(LongStream values) {
    long[] sorted = values.sorted().toArray();
    return sorted[sorted.length / 2];
  }

  /** The sheet, after both runs. */
  Sheet sheet() {
    return prompts.size() == 1 ? sheetOfSteps() : sheetOfPrompts();
  }

  /** A row for the base, one for LCM-LoRA; same numbers of steps stand below each other. */
  private Sheet sheetOfSteps() {
    return new Sheet(
        prompts.get(0),
        List.of(),
        List.of(
            new Row(new Text("The model itself", baseDetail()), cells(baseSteps, base.get(0))),
            new Row(new Text("With LCM-LoRA", "LCM, no guidance"), cells(LCM_STEPS, lcm.get(0)))),
        footer());
  }

  private static List<Cell> cells(List<Integer> steps, List<Measured> row) {
    return IntStream.range(0, row.size())
        .mapToObj(
            i -> {
              Measured measured = row.get(i);
              return new Cell(
                  measured.picture(),
                  new Text(steps(steps.get(i)), cost(measured.unetCalls(), measured.nanos())));
            })
        .toList();
  }

  /** A row for each prompt; the base at its full number of steps stands at the left. */
  private Sheet sheetOfPrompts() {
    List<Text> columns = new ArrayList<>();
    columns.add(new Text("%d guided steps".formatted(FULL), medianCost(base, 0)));
    for (int i = 0; i < LCM_STEPS.size(); i++) {
      columns.add(new Text("LCM-LoRA, " + steps(LCM_STEPS.get(i)), medianCost(lcm, i)));
    }
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      List<Cell> cells = new ArrayList<>();
      cells.add(new Cell(base.get(i).get(0).picture(), null));
      lcm.get(i).forEach(measured -> cells.add(new Cell(measured.picture(), null)));
      rows.add(new Row(new Text(prompts.get(i), ""), cells));
    }
    return new Sheet(
        "The model's own %d guided steps and LCM-LoRA".formatted(FULL),
        columns,
        rows,
        "%s. %s".formatted(baseDetail(), footer()));
  }

  private static String medianCost(List<List<Measured>> rows, int column) {
    return cost(
        rows.get(0).get(column).unetCalls(),
        median(rows.stream().mapToLong(row -> row.get(column).nanos())));
  }

  private String baseDetail() {
    return "%s, guidance %s".formatted(baseScheduler, plain(request.guidanceScale()));
  }

  private String footer() {
    return ("Seed %s, %s. Milliseconds are for the whole picture: text, UNet and decoding; the median"
            + " where a run is short enough to repeat.")
        .formatted(Long.toUnsignedString(request.seed()), device);
  }

  /** One line: what the full base and the usual four steps take. */
  String summary() {
    int full = baseSteps.indexOf(FULL);
    int four = LCM_STEPS.indexOf(4);
    return "%s guided %s, LCM-LoRA %s %s"
        .formatted(
            steps(FULL),
            milliseconds(median(base.stream().mapToLong(row -> row.get(full).nanos()))),
            steps(4),
            milliseconds(median(lcm.stream().mapToLong(row -> row.get(four).nanos()))));
  }

  private static String steps(int count) {
    return count == 1 ? "1 step" : count + " steps";
  }

  private static String cost(int unetCalls, long nanos) {
    return "%d UNet %s, %s"
        .formatted(unetCalls, unetCalls == 1 ? "call" : "calls", milliseconds(nanos));
  }

  private static String milliseconds(long nanos) {
    return String.format(Locale.ROOT, "%d ms", Math.round(nanos / 1e6));
  }

  /** A whole number without its ".0". */
  private static String plain(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }
}
