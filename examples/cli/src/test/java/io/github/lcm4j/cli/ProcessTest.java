package io.github.lcm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.pocket.PocketModel;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs the program as a process of its own, as modules. */
class ProcessTest {
  private static final int SIGTERM_EXIT_CODE = 128 + 15;

  @TempDir Path folder;
  @TempDir Path logs;

  @Test
  void barePromptWritesItsPictureIntoTheCurrentFolder() throws Exception {
    Process process = start("panda on a teal background");
    assertEquals(0, exitCode(process), err());
    assertEquals("", err());
    assertTrue(out().strip().endsWith("lcm4j-42.png"), out());
    assertEquals(Set.of("lcm4j-42.png"), names());
    ReferencePictures.assertShows("lcm-4-steps-seed-42.png", folder.resolve("lcm4j-42.png"));
  }

  /** Libraries write to standard error by themselves; only a process of its own shows it. */
  @Test
  void failureIsOneLineInAll() throws Exception {
    // This build is against the CPU's ONNX Runtime.
    Process process = start("panda", "--provider", "cuda");
    assertEquals(1, exitCode(process), err());
    assertEquals("", out());
    assertEquals(1, err().lines().count(), err());
    assertTrue(err().contains("CUDA"), err());
    assertEquals(Set.of(), names());
  }

  @Test
  void badUsageIsExitCodeTwo() throws Exception {
    assertEquals(2, exitCode(start("panda", "--steps", "0")));
    assertEquals(1, err().lines().count(), err());
  }

  /** Windows ends processes without asking them. */
  @Test
  @DisabledOnOs(OS.WINDOWS)
  void endedByASignalItLeavesNothing() throws Exception {
    ProcessBuilder builder =
        builder("panda", "--scheduler", "ddim", "--guidance", "3", "--steps", "900");
    builder.environment().put("JDK_JAVA_OPTIONS", "-Dlcm4j.terminal=true");
    Process process = builder.start();
    try (BufferedReader err = process.errorReader(StandardCharsets.UTF_8)) {
      // The progress bar, wanted by a property, tells when it is at work.
      StringBuilder seen = new StringBuilder();
      while (seen.indexOf("drawing") < 0) {
        int next = err.read();
        assertTrue(next >= 0, "ended early: " + seen);
        seen.append((char) next);
      }
      process.destroy();
      assertEquals(SIGTERM_EXIT_CODE, exitCode(process));
    }
    assertEquals(Set.of(), names());
  }

  @ParameterizedTest
  @ValueSource(strings = {"merge", "export"})
  @DisabledOnOs(OS.WINDOWS)
  void endedByASignalWhileWritingItLeavesNothing(String command) throws Exception {
    Path base = logs.resolve("base");
    Path pocket = PocketModel.checkpoint();
    try (Stream<Path> files = Files.walk(pocket)) {
      for (Path file : files.toList()) {
        Files.copy(file, base.resolve(pocket.relativize(file).toString()));
      }
    }
    // Sparse, and long enough to be still at it.
    try (FileChannel channel =
        FileChannel.open(
            base.resolve("scheduler/long.txt"),
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[1]), (4L << 30) - 1);
    }
    String lora = PocketModel.lcmLora().toString();
    Process process =
        start(command, "--checkpoint", base.toString(), "--lora", lora, "--output", "written");
    while (names().isEmpty()) {
      assertTrue(process.isAlive(), err());
      Thread.sleep(1);
    }
    assertFalse(names().contains("written"), names().toString());
    process.destroy();
    assertEquals(SIGTERM_EXIT_CODE, exitCode(process));
    assertEquals(Set.of(), names());
  }

  /** Windows ends processes without asking them. */
  @Test
  @DisabledOnOs(OS.WINDOWS)
  void endedByASignalItLeavesTheLastPreviewWhole() throws Exception {
    Process process = start("panda", "--scheduler", "ddim", "--steps", "900", "--preview");
    Path preview = folder.resolve("lcm4j-42-preview.png");
    while (!Files.exists(preview)) {
      assertTrue(process.isAlive(), () -> "ended early: " + preview);
      Thread.sleep(1);
    }
    process.destroy();
    assertEquals(SIGTERM_EXIT_CODE, exitCode(process));
    assertEquals(Set.of("lcm4j-42-preview.png"), names());
    assertEquals(64, ImageIO.read(preview.toFile()).getWidth());
  }

  private Process start(String... args) throws IOException {
    return builder(args).redirectError(logs.resolve("err").toFile()).start();
  }

  private ProcessBuilder builder(String... args) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    // As the start script does: newer Javas warn otherwise.
    command.add("-XX:+IgnoreUnrecognizedVMOptions");
    command.add("--sun-misc-unsafe-memory-access=allow");
    command.add("--enable-native-access=com.microsoft.onnxruntime,io.netty.common");
    command.add("--module-path");
    command.add(System.getProperty("jdk.module.path"));
    command.add("--add-modules=ALL-MODULE-PATH");
    command.add("-Dstdout.encoding=UTF-8");
    command.add("--module=io.github.lcm4j.cli/io.github.lcm4j.cli.Main");
    Collections.addAll(command, args);
    return new ProcessBuilder(command)
        .directory(folder.toFile())
        .redirectOutput(logs.resolve("out").toFile());
  }

  private static int exitCode(Process process) throws InterruptedException {
    if (!process.waitFor(2, TimeUnit.MINUTES)) {
      process.destroyForcibly();
      throw new AssertionError("the process did not end");
    }
    return process.exitValue();
  }

  private String out() throws IOException {
    return Files.readString(logs.resolve("out"));
  }

  private String err() throws IOException {
    return Files.readString(logs.resolve("err"));
  }

  private Set<String> names() {
    return Set.of(folder.toFile().list());
  }
}
