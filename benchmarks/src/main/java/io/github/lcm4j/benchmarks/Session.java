package io.github.lcm4j.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lcm4j.benchmarks.model.Architecture;
import io.github.lcm4j.benchmarks.peers.Contest;
import io.github.lcm4j.benchmarks.peers.SideBySide;
import io.github.lcm4j.benchmarks.report.Case;
import io.github.lcm4j.benchmarks.report.Latencies;
import io.github.lcm4j.benchmarks.report.LatencyChart;
import io.github.lcm4j.benchmarks.report.Machine;
import io.github.lcm4j.benchmarks.report.Measurement;
import io.github.lcm4j.benchmarks.report.ReportPage;
import io.github.lcm4j.benchmarks.report.Run;
import io.github.lcm4j.checkpoint.Checkpoint;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import javax.imageio.ImageIO;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.results.format.ResultFormatFactory;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;

/**
 * One run of the command: measures, collects, and after every benchmark writes down what there is,
 * so that a run that is cut off leaves what it had.
 */
final class Session {
  private static final String JSON = "results.json";
  private static final String PAGE = "results.md";
  private static final String CHART = "steps-versus-latency.png";
  private static final String PEERS_JSON = "side-by-side.json";
  private static final String PEERS_LOG = "peers.log";

  private final Path folder;
  private final Plan.Settings common;
  private final Machine machine;
  private final Map<String, String> settings = new LinkedHashMap<>();
  private final List<RunResult> results = new ArrayList<>();
  private final Map<String, Architecture> architectures = new LinkedHashMap<>();
  private final List<String> skipped = new ArrayList<>();
  private String sideBySide = "";
  private boolean failed;

  Session(Path folder, Plan.Settings common, int batch) throws IOException {
    this.folder = folder;
    this.common = common;
    this.machine = Machine.here();
    settings.put("lcm4j", Versions.lcm4j());
    settings.put("ONNX Runtime", Versions.onnxRuntime());
    settings.put("execution provider", common.provider());
    settings.put("threads", common.threads() == 0 ? "one a core" : "" + common.threads());
    settings.put("batch", Integer.toString(batch));
    Files.createDirectories(folder);
  }

  /** Measures a model, or says why not. */
  void measure(Plan plan, Set<Topic> topics) throws IOException {
    List<Task> tasks = plan.tasks(topics);
    if (!tasks.isEmpty() && isHeld(plan)) {
      count(plan);
      measure(tasks);
    }
  }

  /** Operations are counted only of networks that are understood to the last tensor. */
  private void count(Plan plan) throws IOException {
    Case subject = plan.subject();
    Checkpoint checkpoint =
        Checkpoint.open(ModelFiles.of(subject.checkpoint(), subject.dtype()).checkpoint());
    if (plan.architecture().unet().describes(checkpoint.require("unet").openWeights())) {
      architectures.put(subject.checkpoint(), plan.architecture());
    } else {
      skip(
          subject.model()
              + ": operations are not counted, its UNet has other layers than known here");
    }
  }

  /** Whether the machine can hold it; writes the files. */
  private boolean isHeld(Plan plan) throws IOException {
    Optional<String> lacking =
        Capacity.lacking(plan.architecture(), plan.subject(), Machine.here());
    if (lacking.isPresent()) {
      skip("%s, %s: %s".formatted(plan.subject().model(), plan.subject().size(), lacking.get()));
      return false;
    }
    say("preparing the files of " + plan.subject().model());
    ModelFiles.of(plan.subject().checkpoint(), plan.subject().dtype());
    return true;
  }

  /** Runs JMH for each task. */
  void measure(List<Task> tasks) throws IOException {
    for (Task task : tasks) {
      say("measuring " + task);
      try {
        results.addAll(new Runner(task.options(systemProperties())).run());
      } catch (RunnerException e) {
        failed = true;
        skip("%s failed: %s".formatted(task, e.getMessage()));
      }
      write();
    }
  }

  private static String[] systemProperties() {
    return new String[] {
      "-D" + ModelFiles.FOLDER_PROPERTY + "=" + ModelFiles.folder(),
    };
  }

  /** Lets lcm4j and its peers measure themselves in turn. */
  void compare(Plan plan, String python, Path scripts, int rounds) throws IOException {
    if (!isHeld(plan)) {
      return;
    }
    ModelFiles model = ModelFiles.of(plan.subject().checkpoint(), plan.subject().dtype());
    ModelFiles files =
        switch (common.lora()) {
          case "auto" -> model;
          case "none" -> new ModelFiles(model.checkpoint(), null);
          default -> new ModelFiles(model.checkpoint(), Path.of(common.lora()));
        };
    int threads =
        common.threads() > 0 ? common.threads() : Runtime.getRuntime().availableProcessors();
    PeerCommands commands =
        new PeerCommands(
            python, scripts, files, plan.subject().pixels(), plan.subject().batch(), threads);
    SideBySide found =
        Contest.run(
            commands.contestants(),
            PeerCommands.HEATS,
            rounds,
            folder.resolve(PEERS_LOG),
            Session::say);
    new ObjectMapper()
        .writerWithDefaultPrettyPrinter()
        .writeValue(folder.resolve(PEERS_JSON).toFile(), found.json());
    sideBySide =
        "%s, %s, %d rounds; median and range. Ratios below 1: lcm4j takes less.\n\n%s"
            .formatted(plan.subject().model(), plan.subject().size(), rounds, found.markdown());
    write();
  }

  private void write() throws IOException {
    try (PrintStream out = new PrintStream(folder.resolve(JSON).toFile(), StandardCharsets.UTF_8)) {
      ResultFormatFactory.getInstance(ResultFormatType.JSON, out).writeOut(results);
    }
    Run run =
        new Run(
            LocalDate.now().toString(),
            machine,
            settings,
            Measurement.of(results),
            architectures,
            sideBySide,
            skipped);
    Latencies latencies = Latencies.of(run.measurements(), Plan.SAMPLINGS);
    boolean charted = !latencies.cases().isEmpty();
    if (charted) {
      ImageIO.write(
          LatencyChart.render(latencies, footer(run)), "png", folder.resolve(CHART).toFile());
    }
    Files.writeString(
        folder.resolve(PAGE), ReportPage.write(run, Plan.SAMPLINGS, charted ? CHART : ""));
  }

  private String footer(Run run) {
    return "%s, %d cores, %s threads; ONNX Runtime %s on %s; lcm4j %s; %s"
        .formatted(
            machine.processor(),
            machine.cores(),
            settings.get("threads"),
            settings.get("ONNX Runtime"),
            common.provider(),
            settings.get("lcm4j"),
            run.date());
  }

  /** Says where the results are. */
  int finish() throws IOException {
    write();
    System.out.println();
    System.out.println(Files.readString(folder.resolve(PAGE)));
    say("written to " + folder.toAbsolutePath());
    return failed ? 1 : 0;
  }

  private void skip(String line) {
    skipped.add(line);
    say("skipped: " + line);
  }

  private static void say(String line) {
    System.out.println("[lcm4j] " + line);
  }
}
