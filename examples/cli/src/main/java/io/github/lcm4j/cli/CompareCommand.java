package io.github.lcm4j.cli;

import io.github.lcm4j.ImageRequest;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.pocket.PocketModel;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Draws the same picture with few and many steps, without and with an LCM-LoRA, on one sheet. */
@Command(
    name = "compare",
    header = "Draw a sheet that compares numbers of steps, with and without LCM-LoRA.",
    description = {
      "The base at 1, 2, 4, 8 and 25 guided steps, above LCM-LoRA at 1, 2, 4 and 8 steps. For several"
          + " prompts a row each: the base at 25 guided steps, then LCM-LoRA at 1, 2, 4 and 8.",
      "--scheduler is the base's; --lora files are folded in for LCM-LoRA only."
    },
    sortOptions = false)
final class CompareCommand implements Callable<Integer> {
  private static final String DEFAULT_PROMPT = "panda on a teal background";
  private static final double POCKET_GUIDANCE = 3;
  private static final double USUAL_GUIDANCE = 7.5;

  @Spec private CommandSpec spec = CommandSpec.create(); // replaced by picocli

  @Option(
      names = "--prompt",
      paramLabel = "PROMPT",
      description = "What to draw, \"" + DEFAULT_PROMPT + "\" by default; may be repeated.")
  private List<String> prompts = new ArrayList<>();

  @Option(
      names = "--prompts",
      paramLabel = "FILE",
      description = "A text file with a prompt a line.")
  private @Nullable Path promptFile;

  @Option(
      names = "--guidance",
      paramLabel = "SCALE",
      description = "Guidance scale of the base: 3 for the pocket model, 7.5 otherwise.")
  private @Nullable Double guidance;

  @Option(
      names = "--seed",
      paramLabel = "N",
      converter = Converters.Seed.class,
      description = "Seed of the noise, 42 by default.")
  private BigInteger seed = BigInteger.valueOf(42);

  @Option(names = "--output", paramLabel = "FILE.png", description = "Where to write; grid.png.")
  private Path output = Path.of("grid.png");

  @Mixin private ModelOptions model = new ModelOptions();
  @Mixin private ReportOptions report = new ReportOptions();

  CompareCommand() {}

  @Override
  public Integer call() throws IOException {
    if (!PictureFiles.isPng(output)) {
      throw usage("--output must end in .png, found " + output);
    }
    if (!model.isPocket() && model.loras().isEmpty()) {
      throw usage("compare --checkpoint needs --lora FILE, the LCM-LoRA of the lower row");
    }
    List<String> subjects = subjects();
    double baseGuidance =
        guidance != null ? guidance : model.isPocket() ? POCKET_GUIDANCE : USUAL_GUIDANCE;
    ImageRequest request = request(baseGuidance);
    model.check();
    PictureFiles files = PictureFiles.plan(output, 1);
    SheetRenderer.requireFonts();

    Comparison comparison = new Comparison(request, subjects, model.device());
    try (Progress progress = report.progress(comparison.steps())) {
      progress.loading();
      // One after the other: a large model need not fit twice.
      try (Pipeline base = model.builder(List.of(), model.scheduler()).build()) {
        progress.drawing();
        comparison.runBase(base, progress);
      }
      progress.loading();
      try (Pipeline lcm = model.builder(lcmLoras(), ModelOptions.LCM).build()) {
        if (model.lenient()) {
          lcm.loraReports().forEach(spec.commandLine().getOut()::println);
        }
        progress.drawing();
        comparison.runLcm(lcm, progress);
      }
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), Faults.describe(e), e);
    }
    files.write(List.of(PictureFiles.png(SheetRenderer.render(comparison.sheet()))));
    spec.commandLine().getOut().println(comparison.summary() + " → " + files.names());
    return 0;
  }

  private List<LoraSpec> lcmLoras() throws IOException {
    return model.loras().isEmpty() ? List.of(LoraSpec.of(PocketModel.lcmLora())) : model.loras();
  }

  private List<String> subjects() throws IOException {
    List<String> subjects = new ArrayList<>(prompts);
    if (promptFile != null) {
      Files.readAllLines(promptFile).stream()
          .filter(line -> !line.isBlank())
          .forEach(subjects::add);
      if (subjects.isEmpty()) {
        throw usage("%s holds no prompt".formatted(promptFile));
      }
    }
    return subjects.isEmpty() ? List.of(DEFAULT_PROMPT) : subjects;
  }

  private ImageRequest request(double baseGuidance) {
    try {
      return ImageRequest.of("").guidanceScale(baseGuidance).seed(seed.longValue());
    } catch (IllegalArgumentException e) {
      throw usage("--guidance: " + e.getMessage());
    }
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
