package io.github.lcm4j.cli;

import io.github.lcm4j.AdapterImage;
import io.github.lcm4j.Cancellation;
import io.github.lcm4j.ControlImage;
import io.github.lcm4j.GeneratedImage;
import io.github.lcm4j.GenerationListener;
import io.github.lcm4j.ImageRequest;
import io.github.lcm4j.Images;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.PipelineBuilder;
import io.github.lcm4j.PromptOptions;
import io.github.lcm4j.Timings;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Draws pictures and writes them as PNG. */
@Command(name = "generate", description = "Draw pictures.", sortOptions = false)
final class GenerateCommand implements Callable<Integer> {
  /** They are computed in one go; far fewer than this fill any memory. */
  private static final int MAX_COUNT = 1000;

  @Spec private CommandSpec spec = CommandSpec.create(); // replaced by picocli

  @Parameters(
      arity = "0..1",
      paramLabel = "PROMPT",
      description = "What to draw; the same as --prompt.")
  private @Nullable String positionalPrompt;

  @Option(names = "--prompt", paramLabel = "PROMPT", description = "What to draw.")
  private @Nullable String prompt;

  @Option(
      names = "--negative-prompt",
      paramLabel = "PROMPT",
      description = "What to stay away from; needs a guidance above 1.")
  private @Nullable String negativePrompt;

  @Option(names = "--steps", paramLabel = "N", description = "Inference steps, 4 by default.")
  private int steps = 4;

  @Option(
      names = "--guidance",
      paramLabel = "SCALE",
      description = "Classifier-free guidance scale, 1 (none) by default.")
  private double guidance = 1.0;

  @Option(
      names = "--seed",
      paramLabel = "N",
      converter = Converters.Seed.class,
      description = "Seed of the noise, 42 by default; any 64-bit number.")
  private BigInteger seed = BigInteger.valueOf(42);

  @Option(
      names = "--width",
      paramLabel = "PIXELS",
      description = "Width of the picture; the model's own by default.")
  private @Nullable Integer width;

  @Option(
      names = "--height",
      paramLabel = "PIXELS",
      description = "Height of the picture; the model's own by default.")
  private @Nullable Integer height;

  @Option(names = "--count", paramLabel = "N", description = "Pictures to draw, 1 by default.")
  private int count = 1;

  @Option(
      names = "--original-inference-steps",
      paramLabel = "N",
      description = "LCM: number of distillation steps the timesteps are taken from.")
  private @Nullable Integer originalInferenceSteps;

  @Option(
      names = "--eta",
      paramLabel = "ETA",
      description = "DDIM: how much noise each step adds, 0 to 1.")
  private @Nullable Double eta;

  @Option(
      names = "--clip-skip",
      paramLabel = "N",
      description = "Text encoder layers to leave out at the end, 0 by default.")
  private int clipSkip;

  @Option(
      names = "--prompt-weighting",
      description =
          "Brackets in prompts set weights: (word) 1.1, [word] 1/1.1, (word:1.3) 1.3; otherwise"
              + " they are text.")
  private boolean promptWeighting;

  @Option(
      names = "--long-prompts",
      description =
          "Encode all of a prompt that is longer than the text encoder takes at once; BREAK begins"
              + " a part. Otherwise what is beyond is cut off.")
  private boolean longPrompts;

  @Option(
      names = "--control",
      paramLabel = "DIR:IMAGE[:SCALE]",
      converter = ControlOption.Converter.class,
      description = "A ControlNet, its picture and its strength (1); may be repeated.")
  private List<ControlOption> controls = new ArrayList<>();

  @Option(
      names = "--adapter",
      paramLabel = "DIR:IMAGE[:SCALE]",
      converter = ControlOption.Converter.class,
      description = "A T2I-Adapter, its picture and its strength (1); may be repeated.")
  private List<ControlOption> adapters = new ArrayList<>();

  @ArgGroup(exclusive = false)
  private @Nullable InitImageOptions init;

  @Option(
      names = "--preview",
      description =
          "After each step write what is being drawn into FILE-preview.png beside the output; the"
              + " last one stays, also when the run fails.")
  private boolean preview;

  @Option(
      names = "--preview-vae",
      paramLabel = "DIR",
      description =
          "Draw previews with this tiny autoencoder (TAESD) instead of a linear map; implies"
              + " --preview.")
  private @Nullable Path previewVae;

  @Option(
      names = "--output",
      paramLabel = "FILE.png",
      description =
          "Where to write; lcm4j-SEED.png by default. Several pictures become FILE-0.png,"
              + " FILE-1.png, …")
  private @Nullable Path output;

  @Mixin private ModelOptions model = new ModelOptions();
  @Mixin private ReportOptions report = new ReportOptions();

  GenerateCommand() {}

  @Override
  public Integer call() throws IOException {
    ImageRequest request = request();
    Path name = output == null ? Path.of("lcm4j-%s.png".formatted(seed)) : output;
    if (!PictureFiles.isPng(name)) {
      throw usage("--output must end in .png, found " + name);
    }
    model.check();
    PictureFiles files = PictureFiles.plan(name, count);
    GenerationListener previews =
        preview || previewVae != null ? Previews.plan(name, count) : GenerationListener.NONE;

    long start = System.nanoTime();
    Duration loaded;
    List<GeneratedImage> images;
    List<String> loraReports;
    try (Progress progress = report.progress(steps)) {
      progress.loading();
      PipelineBuilder builder = model.builder();
      controls.forEach(control -> builder.controlNet(control.folder()));
      adapters.forEach(adapter -> builder.t2iAdapter(adapter.folder()));
      if (previewVae != null) {
        builder.previewVae(previewVae);
      }
      try (Pipeline pipeline = builder.build()) {
        loaded = Duration.ofNanos(System.nanoTime() - start);
        loraReports = pipeline.loraReports();
        progress.drawing();
        images =
            generate(
                pipeline,
                request,
                step -> {
                  previews.onStep(step);
                  progress.onStep(step);
                });
      }
    }
    files.write(images.stream().map(GeneratedImage::png).toList());

    PrintWriter out = spec.commandLine().getOut();
    if (report.verbose() || model.lenient()) {
      loraReports.forEach(out::println);
    }
    out.println(
        summary(loaded, loraReports.size(), request.steps(), images.get(0).timings(), files));
    PrintWriter err = spec.commandLine().getErr();
    images.get(0).notes().forEach(note -> err.printf("lcm4j: note: %s%n", note));
    if (negativePrompt != null && guidance <= 1) {
      err.printf("lcm4j: note: --negative-prompt does nothing at guidance %s%n", guidance);
    }
    return 0;
  }

  private List<GeneratedImage> generate(
      Pipeline pipeline, ImageRequest request, GenerationListener listener) throws IOException {
    try {
      return pipeline.generate(request, listener, new Cancellation());
    } catch (UncheckedIOException e) {
      throw e.getCause();
    } catch (IllegalArgumentException e) {
      // What the model or the scheduler refuses is what was asked for.
      throw new ParameterException(spec.commandLine(), Faults.describe(e), e);
    }
  }

  private ImageRequest request() throws IOException {
    if ((prompt == null) == (positionalPrompt == null)) {
      throw usage(prompt == null ? "no prompt; name one with --prompt" : "two prompts were given");
    }
    requirePositive("--width", width);
    requirePositive("--height", height);
    if (count > MAX_COUNT) {
      throw usage("--count must be at most %d, found %d".formatted(MAX_COUNT, count));
    }
    try {
      return ImageRequest.of(prompt != null ? prompt : positionalPrompt)
          .negativePrompt(negativePrompt)
          .steps(steps)
          .guidanceScale(guidance)
          .seed(seed.longValue())
          .size(width == null ? 0 : width, height == null ? 0 : height)
          .count(count)
          .originalInferenceSteps(originalInferenceSteps)
          .eta(eta)
          .promptOptions(new PromptOptions(promptWeighting, longPrompts, clipSkip))
          .initImage(init == null ? null : init.read())
          .controlImages(controlImages())
          .adapterImages(adapterImages());
    } catch (IllegalArgumentException e) {
      throw usage(Faults.describe(e));
    }
  }

  private ControlImage[] controlImages() throws IOException {
    ControlImage[] images = new ControlImage[controls.size()];
    for (int i = 0; i < images.length; i++) {
      ControlOption control = controls.get(i);
      images[i] = ControlImage.of(Images.read(control.image())).conditioningScale(control.scale());
    }
    return images;
  }

  private AdapterImage[] adapterImages() throws IOException {
    AdapterImage[] images = new AdapterImage[adapters.size()];
    for (int i = 0; i < images.length; i++) {
      ControlOption adapter = adapters.get(i);
      images[i] = AdapterImage.of(Images.read(adapter.image())).conditioningScale(adapter.scale());
    }
    return images;
  }

  private void requirePositive(String option, @Nullable Integer value) {
    if (value != null && value < 1) {
      throw usage("%s must be at least 1, found %d".formatted(option, value));
    }
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private static String summary(
      Duration loaded, int loras, int steps, Timings timings, PictureFiles files) {
    return "loaded %s%s, text %s, %d %s %s, decoded %s → %s"
        .formatted(
            seconds(loaded),
            loras == 0 ? "" : loras == 1 ? " (LoRA folded)" : " (%d LoRAs folded)".formatted(loras),
            seconds(timings.textEncoding()),
            steps,
            steps == 1 ? "step" : "steps",
            seconds(timings.denoising()),
            seconds(timings.decoding()),
            files.names());
  }

  private static String seconds(Duration duration) {
    return String.format(Locale.ROOT, "%.2f s", duration.toNanos() / 1e9);
  }
}
