package io.github.lcm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.pocket.PocketModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Stream;
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
