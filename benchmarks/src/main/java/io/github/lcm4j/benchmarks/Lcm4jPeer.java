package io.github.lcm4j.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.ImageRequest;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.PipelineBuilder;
import io.github.lcm4j.benchmarks.model.Architecture;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.onnx.OnnxBackend;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.ModelSpec;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.tensor.Tensor;
import io.github.lcm4j.tokenizer.ClipTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * lcm4j's own entry among the peers: takes the measurements that {@code peers/diffusers_peer.py}
 * takes, and prints them in the same JSON lines.
 */
@Command(name = "lcm4j-peer", mixinStandardHelpOptions = true)
public final class Lcm4jPeer implements Callable<Integer> {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  @Option(names = "--checkpoint", required = true)
  private Path checkpoint = Path.of("");

  @Option(names = "--lora")
  private List<Path> loras = List.of();

  @Option(names = "--measure", split = ",", required = true)
  private List<String> parts = List.of();

  @Option(names = "--threads")
  private int threads;

  @Option(names = "--size", required = true)
  private int size;

  @Option(names = "--batch")
  private int batch = 1;

  @Option(names = "--steps")
  private int steps = 4;

  @Option(names = "--guidance")
  private double guidance = 1;

  @Option(names = "--prompt")
  private String prompt = "a red apple on a blue background";

  @Option(names = "--warmup")
  private int warmup = 1;

  @Option(names = "--repetitions")
  private int repetitions = 1;

  Lcm4jPeer() {}

  /** Measures and prints. */
  public static void main(String[] args) {
    System.exit(new CommandLine(new Lcm4jPeer()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    print(
        line("environment")
            .put("peer", "lcm4j")
            .put("threads", threads)
            .set(
                "versions",
                MAPPER
                    .createObjectNode()
                    .put("lcm4j", Versions.lcm4j())
                    .put("onnxruntime", Versions.onnxRuntime())
                    .put("java", Runtime.version().toString())));
    for (String part : parts) {
      switch (part) {
        case "load" -> load();
        case "parts" -> parts();
        case "generate" -> generate();
        case "fold" -> fold();
        default ->
            throw new IllegalArgumentException(
                "--measure takes load, parts, generate, fold; found " + part);
      }
    }
    return 0;
  }

  private List<LoraSpec> specs() {
    return loras.stream().map(LoraSpec::of).toList();
  }

  private PipelineBuilder pipeline(boolean withLoras) {
    PipelineBuilder builder =
        Pipeline.builder().checkpoint(checkpoint).scheduler("LCMScheduler").threads(threads);
    if (withLoras) {
      loras.forEach(builder::lora);
    }
    return builder;
  }

  private void load() throws Exception {
    for (boolean withLoras : loras.isEmpty() ? List.of(false) : List.of(false, true)) {
      measure(
          line("load").put("lora", withLoras), () -> pipeline(withLoras).build(), Pipeline::close);
    }
  }

  private void parts() throws Exception {
    Checkpoint opened = Checkpoint.open(checkpoint);
    Architecture architecture = Architecture.read(checkpoint);
    try (DiffusionModel model =
        new OnnxBackend()
            .load(new ModelSpec(opened, specs(), false, ExecutionProvider.CPU, threads))) {
      List<ClipTokenizer> tokenizers = tokenizers(model.textEncoders().size());
      measure(line("text_encode"), () -> encode(model, tokenizers), result -> {});
      NetworkInputs inputs = NetworkInputs.of(model, architecture, batch, size);
      measure(
          line("unet_step").put("batch", batch),
          () -> model.unet().predict(inputs.unet()),
          result -> {});
      measure(line("vae_decode"), () -> model.vaeDecoder().decode(inputs.latents()), result -> {});
    }
  }

  private List<ClipTokenizer> tokenizers(int count) throws IOException {
    ClipTokenizer first = ClipTokenizer.open(checkpoint.resolve("tokenizer"));
    return count == 1
        ? List.of(first)
        : List.of(first, ClipTokenizer.open(checkpoint.resolve("tokenizer_2")));
  }

  /** As diffusers does, the empty prompt too where there is guidance. */
  private Tensor encode(DiffusionModel model, List<ClipTokenizer> tokenizers) {
    boolean textTime = model.unet().usesTextTime();
    Tensor last = null;
    for (String text : guidance > 1 ? List.of("", prompt) : List.of(prompt)) {
      for (int i = 0; i < tokenizers.size(); i++) {
        TextEncoder encoder = model.textEncoders().get(i);
        long[] ids = tokenizers.get(i).encode(text);
        last =
            encoder
                .encode(Tensor.of(ids, 1, ids.length), textTime ? 1 : 0, !textTime)
                .hiddenState();
      }
    }
    return last;
  }

  private void generate() throws Exception {
    try (Pipeline ready = pipeline(true).build()) {
      ImageRequest request =
          ImageRequest.of(prompt).steps(steps).guidanceScale(guidance).size(size, size);
      AtomicInteger count = new AtomicInteger();
      measure(
          line("generate").put("steps", steps).put("guidance", guidance),
          () -> {
            int number = count.getAndIncrement(); // other prompts: no embeddings from a cache
            return ready.generate(request.prompt(prompt + " " + number).seed(number));
          },
          result -> {});
    }
  }

  private void fold() throws Exception {
    FoldingInputs inputs = FoldingInputs.open(checkpoint, loras, threads);
    inputs.touch();
    measure(line("fold"), inputs::fold, result -> {});
  }

  private static ObjectNode line(String measurement) {
    return MAPPER.createObjectNode().put("measurement", measurement);
  }

  /**
   * Measures and prints.
   *
   * @param end what to do with each result, outside the measured time
   */
  private <T> void measure(ObjectNode line, Callable<T> action, Consumer<T> end) throws Exception {
    OptionalLong before = ProcessMemory.resident();
    ProcessMemory.resetPeak();
    for (int i = 0; i < warmup; i++) {
      end.accept(action.call());
    }
    long peakOfWarmup = ProcessMemory.peakResident().orElse(0);
    ProcessMemory.releaseGarbage();
    ProcessMemory.resetPeak();
    ArrayNode milliseconds = line.putArray("milliseconds");
    for (int i = 0; i < repetitions; i++) {
      ProcessMemory.releaseGarbage();
      long start = System.nanoTime();
      T result = action.call();
      milliseconds.add((System.nanoTime() - start) * 1e-6);
      end.accept(result);
    }
    OptionalLong peak = ProcessMemory.peakResident();
    if (before.isPresent() && peak.isPresent()) {
      line.put("peak_bytes", peak.getAsLong());
      // Above the state before the warm-up, whose freed memory the process may have kept.
      line.putArray("extra_peak_bytes")
          .add(Math.max(peakOfWarmup, peak.getAsLong()) - before.getAsLong());
    }
    print(line);
  }

  private static void print(Object line) throws IOException {
    System.out.println(MAPPER.writeValueAsString(line));
    System.out.flush();
  }
}
