package io.github.lcm4j.benchmarks;

import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.benchmarks.report.Case;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;

/** Measures, and writes JMH's JSON, a Markdown page and a chart. */
@Command(
    name = "benchmarks",
    mixinStandardHelpOptions = true,
    showDefaultValues = true,
    sortOptions = false,
    description = {
      "Measures lcm4j on this machine and writes results.json, results.md and"
          + " steps-versus-latency.png.",
      "",
      "Without options: the pocket model and SD 1.5 at 512×512 as a whole; SD 1.5 at 1024×1024 and"
          + " SDXL at 512×512 and 1024×1024 by one evaluation of each part, extrapolated. The"
          + " checkpoints of SD 1.5 and SDXL have random weights and are written first."
    })
public final class Main implements Callable<Integer> {
  @ArgGroup private Extent extent = new Extent();

  /** How much is measured where no checkpoint is named. */
  private static final class Extent {
    @Option(names = "--quick", description = "The pocket model only: a few minutes.")
    private boolean quick;

    @Option(names = "--full", description = "Everything as a whole: many hours on a CPU.")
    private boolean full;
  }

  @Option(
      names = "--only",
      showDefaultValue = Visibility.NEVER,
      split = ",",
      description = "Some of ${COMPLETION-CANDIDATES}; all but PEERS if not given.")
  private Set<Topic> only = EnumSet.noneOf(Topic.class);

  @Option(
      names = "--checkpoint",
      showDefaultValue = Visibility.NEVER,
      description = "pocket, sd15, sdxl or a checkpoint folder; measured as a whole. Repeatable.")
  private List<String> checkpoints = new ArrayList<>();

  @Option(
      names = "--size",
      showDefaultValue = Visibility.NEVER,
      description = "Side of the pictures; the model's own if not given. Repeatable.")
  private List<Integer> sizes = new ArrayList<>();

  @Option(names = "--dtype", description = "Weights of sd15 and sdxl: float32, float16, bfloat16.")
  private String dtype = "float32";

  @Option(names = "--lora", description = "LCM-LoRA: auto for the model's own, none, or a file.")
  private String lora = "auto";

  @Option(names = "--provider", description = "Execution provider, for instance CPU or CUDA.")
  private String provider = "CPU";

  @Option(names = "--threads", description = "Threads a network may use; 0 for one a core.")
  private int threads;

  @Option(names = "--batch", description = "Pictures drawn at once.")
  private int batch = 1;

  @Option(
      names = "--peers",
      description = "Also run diffusers and plain ONNX Runtime, in turn with lcm4j.")
  private boolean peers;

  @Option(names = "--python", description = "Interpreter for the peers.")
  private String python = "python3";

  @Option(names = "--peer-scripts", description = "Folder of the peers' scripts.")
  private Path peerScripts = ModelFiles.buildFolder().resolveSibling("peers");

  @Option(names = "--rounds", description = "Rounds of lcm4j and its peers.")
  private int rounds = 3;

  @Option(names = "--results", description = "Folder for the results.")
  private Path results = ModelFiles.buildFolder().resolve("results");

  @Option(names = "--checkpoints", description = "Folder for checkpoints of random weights.")
  private Path checkpointFolder = ModelFiles.folder();

  Main() {}

  /** Runs, and ends the Java machine with exit code 0 if all was measured. */
  public static void main(String[] args) {
    System.exit(
        new CommandLine(new Main())
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setExecutionExceptionHandler(Main::failed)
            .execute(args));
  }

  /** A wrong argument or a missing file needs no stack trace, anything else does. */
  private static int failed(Exception fault, CommandLine command, ParseResult arguments)
      throws Exception {
    if (fault instanceof IllegalArgumentException || fault instanceof IOException) {
      command.getErr().println("benchmarks: " + fault.getMessage());
      return command.getCommandSpec().exitCodeOnExecutionException();
    }
    throw fault;
  }

  @Override
  public Integer call() throws Exception {
    System.setProperty(ModelFiles.FOLDER_PROPERTY, checkpointFolder.toAbsolutePath().toString());
    Plan.Settings common =
        new Plan.Settings(lora, ExecutionProvider.named(provider).name(), threads);
    Set<Topic> topics = only.isEmpty() ? Plan.allTopics() : EnumSet.copyOf(only);
    if (peers) {
      topics.add(Topic.PEERS);
    }
    Session session = new Session(results, common, batch);
    session.measure(Plan.machineTasks(topics, common));
    List<Plan> plans = plans(common);
    for (Plan plan : plans) {
      session.measure(plan, topics);
    }
    if (topics.contains(Topic.FOLDING) && checkpoints.isEmpty() && !extent.quick) {
      Case half = new Case("sd15", "float16", 512, batch);
      session.measure(Plan.of(half, true, common), EnumSet.of(Topic.FOLDING));
    }
    if (topics.contains(Topic.PEERS)) {
      Plan largest = plans.stream().filter(Plan::whole).reduce((a, b) -> b).orElseThrow();
      session.compare(largest, python, peerScripts, rounds);
    }
    return session.finish();
  }

  private List<Plan> plans(Plan.Settings common) throws IOException {
    List<Plan> plans = new ArrayList<>();
    if (!checkpoints.isEmpty()) {
      for (String checkpoint : checkpoints) {
        for (int size : sizes.isEmpty() ? List.of(nativeSize(checkpoint)) : sizes) {
          plans.add(plan(checkpoint, size, true, common));
        }
      }
      return plans;
    }
    plans.add(plan(ModelFiles.POCKET, nativeSize(ModelFiles.POCKET), true, common));
    if (!extent.quick) {
      plans.add(plan("sd15", 512, true, common));
      plans.add(plan("sd15", 1024, extent.full, common));
      plans.add(plan("sdxl", 512, extent.full, common));
      plans.add(plan("sdxl", 1024, extent.full, common));
    }
    return plans;
  }

  private static int nativeSize(String checkpoint) throws IOException {
    return ModelFiles.architecture(checkpoint).nativeSize();
  }

  private Plan plan(String checkpoint, int size, boolean whole, Plan.Settings common)
      throws IOException {
    return Plan.of(new Case(checkpoint, dtype, size, batch), whole, common);
  }
}
