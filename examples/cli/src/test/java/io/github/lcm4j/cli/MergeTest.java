package io.github.lcm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.pocket.PocketModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Writes checkpoints of the pocket model, and draws with what was written. */
class MergeTest {
  private static final String PANDA = "panda on a teal background";

  @TempDir Path folder;

  private String path(String name) {
    return folder.resolve(name).toString();
  }

  private static Invocation run(String... args) {
    Invocation run = Invocation.of(args);
    assertEquals(0, run.exitCode(), run.err());
    assertEquals("", run.err());
    return run;
  }

  private void assertDraws(String checkpoint, String reference, String... more) throws IOException {
    Path picture = folder.resolve("a.png");
    String[] args = {
      "--prompt", PANDA, "--checkpoint", path(checkpoint), "--output", path("a.png")
    };
    String[] all = new String[args.length + more.length];
    System.arraycopy(args, 0, all, 0, args.length);
    System.arraycopy(more, 0, all, args.length, more.length);
    run(all);
    ReferencePictures.assertShows(reference, picture);
    Files.delete(picture);
  }

  @Test
  void pocketModelIsMergedWithItsLcmLora() throws IOException {
    Invocation run = run("merge", "--output", path("merged"));
    assertTrue(run.out().contains("pocket-lcm-lora.safetensors: 129 modules, unet 129"), run.out());
    String weights = Path.of("unet", "diffusion_pytorch_model.safetensors").toString();
    long size = Files.size(folder.resolve("merged").resolve(weights));
    assertTrue(
        run.out().contains(String.format(Locale.ROOT, "%,15d  %s", size, weights)), run.out());
    assertTrue(run.out().strip().endsWith("12 files, 29.0 MB → " + path("merged")), run.out());
    assertDraws("merged", "lcm-4-steps-seed-42.png", "--scheduler", "lcm");
  }

  /** Merging into the export is the same as exporting what is merged. */
  @Test
  void pocketModelIsExportedAndMerged() throws IOException {
    String lora = PocketModel.lcmLora().toString();
    run("export", "--output", path("plain"));
    assertDraws(
        "plain", "base-25-steps-guidance-3-seed-42.png", "--steps", "25", "--guidance", "3");
    run("merge", "--checkpoint", path("plain"), "--lora", lora, "--output", path("merged"));
    run("export", "--lora", lora, "--output", path("exported"));
    for (String checkpoint : new String[] {"merged", "exported"}) {
      assertTrue(Files.exists(folder.resolve(checkpoint).resolve("unet/model.onnx_data")));
      assertDraws(checkpoint, "lcm-4-steps-seed-42.png", "--scheduler", "lcm");
    }
  }

  @Test
  void whatIsThereIsReplacedWithOverwriteOnly() {
    run("merge", "--output", path("merged"));
    Invocation again = Invocation.of("merge", "--output", path("merged"));
    assertEquals(1, again.exitCode());
    assertTrue(again.err().contains(path("merged") + ": exists already"), again.err());
    assertEquals(1, again.err().lines().count(), again.err());
    run("merge", "--overwrite", "--output", path("merged"));
    assertEquals(Set.of("merged"), Set.of(folder.toFile().list()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"merge", "export"})
  void aLoraOfAnotherModelLeavesNothing(String command) throws IOException {
    // The base's own weights are no LoRA.
    Path none = PocketModel.checkpoint().resolve("vae/diffusion_pytorch_model.safetensors");
    Invocation run = Invocation.of(command, "--lora", none.toString(), "--output", path("merged"));
    assertEquals(1, run.exitCode());
    assertEquals("", run.out());
    assertEquals(1, run.err().lines().count(), run.err());
    assertTrue(run.err().contains(none + ": "), run.err());
    assertFalse(Files.exists(folder.resolve("merged")));
    assertEquals(0, folder.toFile().list().length);
  }
}
