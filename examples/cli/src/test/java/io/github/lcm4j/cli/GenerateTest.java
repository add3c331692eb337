package io.github.lcm4j.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.pocket.PocketModel;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.SafetensorsWriter;
import io.github.lcm4j.tensor.Tensor;
import io.github.lcm4j.tokenizer.ClipTokenizer;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs the whole way from arguments to files with the pocket model. */
class GenerateTest {
  private static final String PANDA = "panda on a teal background";
  private static final String SECONDS = "\\d+\\.\\d\\d s";

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 8})
  void barePromptDrawsWhatDiffusersDraws(int steps) throws IOException {
    Path file = folder.resolve("panda.png");
    Invocation run = run(PANDA, "--steps", "" + steps, "--output", file.toString());
    assertTrue(
        run.out()
            .strip()
            .matches(
                "loaded %1$s \\(LoRA folded\\), text %1$s, %2$d steps? %1$s, decoded %1$s → .*panda\\.png"
                    .formatted(SECONDS, steps)),
        run.out());
    ReferencePictures.assertShows("lcm-%d-steps-seed-42.png".formatted(steps), file);
    assertEquals(Set.of("panda.png"), names());
  }

  @Test
  void anotherSchedulerLeavesTheLcmLoraOut() throws IOException {
    Path file = folder.resolve("base.png");
    Invocation run =
        run(
            PANDA,
            "--scheduler",
            "ddim",
            "--steps",
            "25",
            "--guidance",
            "3",
            "--output",
            file.toString());
    assertFalse(run.out().contains("LoRA"), run.out());
    ReferencePictures.assertShows("base-25-steps-guidance-3-seed-42.png", file);
  }

  @Test
  void checkpointUsesItsOwnSchedulerWithoutLoras() throws IOException {
    Path file = folder.resolve("base.png");
    run(
        "generate",
        "--checkpoint",
        PocketModel.checkpoint().toString(),
        "--prompt",
        PANDA,
        "--steps",
        "25",
        "--guidance",
        "3",
        "--output",
        file.toString());
    ReferencePictures.assertShows("base-25-steps-guidance-3-seed-42.png", file);
  }

  @Test
  void checkpointAndLoraCanBeNamed() throws IOException {
    Path file = folder.resolve("lcm.png");
    Invocation run =
        run(
            "generate",
            "--checkpoint",
            PocketModel.checkpoint().toString(),
            "--lora",
            PocketModel.lcmLora() + ":0.25",
            "--lora",
            PocketModel.lcmLora() + ":0.75",
            "--scheduler",
            "LCMScheduler",
            "--prompt",
            PANDA,
            "--output",
            file.toString(),
            "--verbose");
    assertTrue(run.out().contains("(2 LoRAs folded)"), run.out());
    // The reports of --verbose.
    assertEquals(3, run.out().lines().count(), run.out());
    ReferencePictures.assertShows("lcm-4-steps-seed-42.png", file);
  }

  @Test
  void severalPicturesAreNumbered() throws IOException {
    Path file = folder.resolve("p.png");
    run(PANDA, "--steps", "1", "--count", "2", "--output", file.toString());
    assertEquals(Set.of("p-0.png", "p-1.png"), names());
    // One step takes the same noise for the first picture as if it were alone.
    ReferencePictures.assertShows("lcm-1-steps-seed-42.png", folder.resolve("p-0.png"));
    assertFalse(
        Arrays.equals(
            Files.readAllBytes(folder.resolve("p-0.png")),
            Files.readAllBytes(folder.resolve("p-1.png"))));
  }

  @Test
  void optionsReachThePicture() throws IOException {
    Path file = folder.resolve("p.png");
    Invocation run =
        run(
            "--negative-prompt",
            "blue",
            "--seed",
            "18446744073709551615",
            "--width",
            "96",
            "--height",
            "48",
            "--threads",
            "1",
            "--original-inference-steps",
            "40",
            "--provider",
            "cpu",
            "--steps",
            "2",
            "--output",
            file.toString(),
            "--",
            "--cat");
    assertEquals(1, run.err().lines().count(), run.err());
    assertTrue(run.err().contains("--negative-prompt does nothing at guidance 1.0"), run.err());
    String text = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    assertTrue(text.contains("--cat\nNegative prompt: blue\nSteps: 2"), "the text chunk");
    assertTrue(text.contains("Size: 96x48"), "the text chunk");
    assertTrue(text.contains("LCMScheduler"), "the text chunk");
  }

  @ParameterizedTest
  @CsvSource({"--width, 66", "--steps, 51", "--original-inference-steps, 2000"})
  void whatTheModelRefusesIsBadUsage(String option, String value) {
    Invocation run =
        Invocation.of(PANDA, "--output", folder.resolve("p.png").toString(), option, value);
    assertEquals(2, run.exitCode(), run.err());
    assertEquals(1, run.err().lines().count(), run.err());
    assertTrue(run.err().contains(value), run.err());
    assertEquals(Set.of(), names());
  }

  /** The vectors of a word it knows, under a name it does not. */
  @Test
  void textualInversionIsAWordOfThePrompt() throws IOException {
    ClipTokenizer tokenizer = ClipTokenizer.open(PocketModel.checkpoint().resolve("tokenizer"));
    SafetensorsFile encoder =
        SafetensorsFile.open(PocketModel.checkpoint().resolve("text_encoder/model.safetensors"));
    Tensor table =
        encoder.tensor(
            encoder.names().stream()
                .filter(n -> n.endsWith("token_embedding.weight"))
                .findFirst()
                .orElseThrow());
    int[] ids = tokenizer.tokenize("panda");
    Tensor vectors = Tensor.allocate(table.dtype(), ids.length, table.dimension(1));
    ByteBuffer out = vectors.buffer();
    for (int id : ids) {
      out.put(table.rows(id, id + 1).buffer());
    }
    Path word = folder.resolve("blackwhitebear.safetensors");
    SafetensorsWriter.write(word, Map.of("emb_params", vectors), Map.of());

    Path file = folder.resolve("p.png");
    run(
        "blackwhitebear on a teal background",
        "--textual-inversion",
        word.toString(),
        "--output",
        file.toString());
    ReferencePictures.assertShows("lcm-4-steps-seed-42.png", file);
  }

  @Test
  void bracketsAreWeightsWhereAskedFor() throws IOException {
    String prompt = "(panda:1.0) on a (teal:1) background";
    Path file = folder.resolve("p.png");
    run(prompt, "--prompt-weighting", "--output", file.toString());
    ReferencePictures.assertShows("lcm-4-steps-seed-42.png", file);
    assertDiffers(pixels(prompt, "--prompt-weighting"), pixels(prompt));
    assertDiffers(
        pixels("(panda:1.4) on a teal background", "--prompt-weighting"),
        pixels("(panda:0.6) on a teal background", "--prompt-weighting"));
  }

  @Test
  void longPromptsAreReadToTheirEndWhereAskedFor() throws IOException {
    String cut = PANDA + " apple".repeat(40);
    String further = cut + " green".repeat(10);
    assertArrayEquals(pixels(cut), pixels(further));
    assertDiffers(pixels(cut, "--long-prompts"), pixels(further, "--long-prompts"));
  }

  @Test
  void lowMemoryDrawsTheSame() throws IOException {
    Path file = folder.resolve("p.png");
    run(PANDA, "--low-memory", "--output", file.toString());
    ReferencePictures.assertShows("lcm-4-steps-seed-42.png", file);
  }

  @Test
  void halfPrecisionDrawsNearlyTheSame() throws IOException {
    Path file = folder.resolve("p.png");
    Invocation run =
        run(PANDA, "--precision", "float16", "--steps", "1", "--output", file.toString());
    assertEquals("", run.err());
    ReferencePictures.assertShows("lcm-1-steps-seed-42.png", file);
  }

  /** Its large weights lie in the file in another type than the networks take them in. */
  @Test
  void halfPrecisionOfAFloat32Checkpoint() throws IOException {
    Path checkpoint = folder.resolve("float32");
    try (Stream<Path> files = Files.walk(PocketModel.checkpoint())) {
      for (Path file : files.toList()) {
        Path target = checkpoint.resolve(PocketModel.checkpoint().relativize(file).toString());
        if (file.toString().endsWith("unet/diffusion_pytorch_model.safetensors")) {
          SafetensorsFile weights = SafetensorsFile.open(file);
          Map<String, Tensor> wide = new LinkedHashMap<>();
          weights.names().forEach(name -> wide.put(name, weights.tensor(name).toFloat32()));
          SafetensorsWriter.write(target, wide, Map.of());
        } else {
          Files.copy(file, target);
        }
      }
    }
    String[] args = {"--checkpoint", checkpoint.toString(), "--scheduler", "ddim", "--steps", "1"};
    int[] single = pixels(PANDA, args);
    int[] half =
        pixels(
            PANDA,
            Stream.concat(Stream.of(args), Stream.of("--precision", "float16"))
                .toArray(String[]::new));
    for (int i = 0; i < single.length; i++) {
      for (int shift = 0; shift <= 16; shift += 8) {
        assertEquals(single[i] >> shift & 255, half[i] >> shift & 255, 2.0, "pixel " + i);
      }
    }
  }

  @Test
  void adapterThatIsNoneIsNamed() throws IOException {
    Path image = folder.resolve("image.png");
    ImageIO.write(new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB), "png", image.toFile());
    Path unet = PocketModel.checkpoint().resolve("unet");
    String output = folder.resolve("p.png").toString();
    Invocation run =
        Invocation.of(PANDA, "--adapter", unet + ":" + image + ":0.5", "--output", output);
    assertEquals(1, run.exitCode(), run.err());
    assertTrue(run.err().contains("T2IAdapter"), run.err());
    assertEquals(Set.of("image.png"), names());
  }

  @Test
  void tilesOfTheAutoencoderShowInLargePicturesOnly() throws IOException {
    assertArrayEquals(pixels(PANDA), pixels(PANDA, "--vae-tiling"));
    String[] large = {"--width", "128", "--height", "96"};
    assertDiffers(
        pixels(PANDA, large), pixels(PANDA, "--width", "128", "--height", "96", "--vae-tiling"));
  }

  @Test
  void leftOverKeysOfALoraAreListedWhereAskedFor() throws IOException {
    SafetensorsFile lora = SafetensorsFile.open(PocketModel.lcmLora());
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    lora.names().forEach(name -> tensors.put(name, lora.tensor(name)));
    tensors.put("unet.nowhere.lora_A.weight", Tensor.of(new float[4], 2, 2));
    tensors.put("unet.nowhere.lora_B.weight", Tensor.of(new float[4], 2, 2));
    Path file = folder.resolve("more.safetensors");
    SafetensorsWriter.write(file, tensors, Map.of());
    Path output = folder.resolve("p.png");
    String[] args = {
      PANDA, "--lora", file.toString(), "--scheduler", "lcm", "--output", output.toString()
    };
    Invocation strict = Invocation.of(args);
    assertEquals(1, strict.exitCode(), strict.out());
    assertTrue(strict.err().contains("nowhere"), strict.err());
    Invocation lenient =
        run(Stream.concat(Stream.of(args), Stream.of("--lenient")).toArray(String[]::new));
    assertTrue(lenient.out().contains("ignored 2 keys, the first unet.nowhere"), lenient.out());
    ReferencePictures.assertShows("lcm-4-steps-seed-42.png", output);
  }

  private int[] pixels(String prompt, String... options) throws IOException {
    Path file = folder.resolve("pixels.png");
    run(
        Stream.concat(Stream.of(prompt, "--output", file.toString()), Stream.of(options))
            .toArray(String[]::new));
    BufferedImage image = ImageIO.read(file.toFile());
    return image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
  }

  private static void assertDiffers(int[] first, int[] second) {
    assertFalse(Arrays.equals(first, second), "the same picture");
  }

  @Test
  void previewIsLikeThePictureAndOfItsSize() throws IOException {
    Path file = folder.resolve("p.png");
    run(PANDA, "--preview", "--output", file.toString());
    assertEquals(Set.of("p.png", "p-preview.png"), names());
    ReferencePictures.assertShows("lcm-4-steps-seed-42.png", file);
    // A linear map of the last latents: the colours are about right, the edges are not.
    double similar = correlation(file, folder.resolve("p-preview.png"));
    assertTrue(similar > 0.8, "correlation " + similar);
  }

  @Test
  void severalPicturesHaveAPreviewEach() throws IOException {
    Path file = folder.resolve("p.png");
    run(PANDA, "--steps", "1", "--count", "2", "--preview", "--output", file.toString());
    assertEquals(Set.of("p-0.png", "p-1.png", "p-preview-0.png", "p-preview-1.png"), names());
    for (int i = 0; i < 2; i++) {
      Path own = folder.resolve("p-preview-%d.png".formatted(i));
      Path other = folder.resolve("p-preview-%d.png".formatted(1 - i));
      Path picture = folder.resolve("p-%d.png".formatted(i));
      assertTrue(correlation(picture, own) > correlation(picture, other), own + " is its own");
    }
  }

  @Test
  void previewThatCannotBeWrittenOrDrawnIsRefused() throws IOException {
    String output = folder.resolve("p.png").toString();
    String kl = PocketModel.checkpoint().resolve("vae").toString();
    Invocation run = Invocation.of(PANDA, "--preview-vae", kl, "--output", output);
    assertEquals(1, run.exitCode(), run.err());
    assertTrue(run.err().contains("AutoencoderTiny"), run.err());
    assertEquals(Set.of(), names());

    Files.createDirectory(folder.resolve("p-preview.png"));
    run = Invocation.of(PANDA, "--preview", "--output", output);
    assertEquals(1, run.exitCode(), run.err());
    assertTrue(run.err().contains("p-preview.png: it is a folder"), run.err());
    assertEquals(Set.of("p-preview.png"), names());
  }

  /** Pearson's, over all channels of all pixels. */
  private static double correlation(Path first, Path second) throws IOException {
    BufferedImage a = ImageIO.read(first.toFile());
    BufferedImage b = ImageIO.read(second.toFile());
    assertEquals(a.getWidth(), b.getWidth());
    assertEquals(a.getHeight(), b.getHeight());
    int[] x = a.getRaster().getPixels(0, 0, a.getWidth(), a.getHeight(), (int[]) null);
    int[] y = b.getRaster().getPixels(0, 0, b.getWidth(), b.getHeight(), (int[]) null);
    double meanX = Arrays.stream(x).average().orElseThrow();
    double meanY = Arrays.stream(y).average().orElseThrow();
    double xy = 0;
    double xx = 0;
    double yy = 0;
    for (int i = 0; i < x.length; i++) {
      xy += (x[i] - meanX) * (y[i] - meanY);
      xx += (x[i] - meanX) * (x[i] - meanX);
      yy += (y[i] - meanY) * (y[i] - meanY);
    }
    return xy / Math.sqrt(xx * yy);
  }

  /** What the checkpoint says is not the user's mistake. */
  @Test
  void impossibleConfigurationIsNoBadUsage() throws IOException {
    Path base = folder.resolve("base");
    try (Stream<Path> files = Files.walk(PocketModel.checkpoint())) {
      for (Path file : files.toList()) {
        Files.copy(file, base.resolve(PocketModel.checkpoint().relativize(file).toString()));
      }
    }
    Path config = base.resolve("scheduler/scheduler_config.json");
    Files.writeString(
        config,
        Files.readString(config).replaceFirst("\\{", "{\"original_inference_steps\": 5000,"));
    String[] args = {
      PANDA,
      "--checkpoint",
      base.toString(),
      "--scheduler",
      "lcm",
      "--output",
      folder.resolve("a.png").toString()
    };
    Invocation run = Invocation.of(args);
    assertEquals(1, run.exitCode(), run.err());
    assertTrue(run.err().contains("original_inference_steps 5000"), run.err());
    String[] own = Arrays.copyOf(args, args.length + 2);
    own[args.length] = "--original-inference-steps";
    own[args.length + 1] = "5000";
    assertEquals(2, Invocation.of(own).exitCode());
    assertEquals(Set.of("base"), names());
  }

  @Test
  void damagedLoraIsNamedAndNothingIsWritten() throws IOException {
    byte[] whole = Files.readAllBytes(PocketModel.lcmLora());
    Path damaged =
        Files.write(folder.resolve("half.safetensors"), Arrays.copyOf(whole, whole.length / 2));
    Invocation run =
        Invocation.of(
            PANDA,
            "--scheduler",
            "lcm",
            "--lora",
            damaged.toString(),
            "--output",
            folder.resolve("p.png").toString());
    assertEquals(1, run.exitCode());
    assertEquals(1, run.err().lines().count(), run.err());
    assertTrue(run.err().contains(damaged + " is truncated"), run.err());
    assertEquals(Set.of("half.safetensors"), names());
  }

  private static Invocation run(String... args) {
    Invocation run = Invocation.of(args);
    assertEquals(0, run.exitCode(), run.err());
    return run;
  }

  private Set<String> names() {
    return Set.of(folder.toFile().list());
  }
}
