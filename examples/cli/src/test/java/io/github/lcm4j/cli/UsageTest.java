package io.github.lcm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a mistake prints: one line that names it, an exit code that tells whose it is. */
class UsageTest {
  @TempDir Path folder;

  static Stream<Arguments> badUsage() {
    return Stream.of(
        Arguments.of("no prompt", new String[] {}),
        Arguments.of("no prompt", new String[] {"generate"}),
        Arguments.of("no prompt", new String[] {"generate", "--steps", "4"}),
        Arguments.of("two prompts", new String[] {"a", "--prompt", "b"}),
        Arguments.of("'on', 'teal'", new String[] {"panda", "on", "teal"}),
        Arguments.of("unknown option '--stepz'", new String[] {"a", "--stepz"}),
        Arguments.of("--steps", new String[] {"a", "--steps", "many"}),
        Arguments.of("steps must be at least 1, found 0", new String[] {"a", "--steps", "0"}),
        Arguments.of("guidanceScale", new String[] {"a", "--guidance", "-1"}),
        Arguments.of("guidanceScale", new String[] {"a", "--guidance", "NaN"}),
        Arguments.of("--seed", new String[] {"a", "--seed", "18446744073709551616"}),
        Arguments.of("--width must be at least 1, found 0", new String[] {"a", "--width", "0"}),
        Arguments.of("--height must be at least 1, found -8", new String[] {"a", "--height", "-8"}),
        Arguments.of("count must be at least 1, found 0", new String[] {"a", "--count", "0"}),
        Arguments.of("--count must be at most 1000", new String[] {"a", "--count", "100000000"}),
        Arguments.of("--threads must be at least 1", new String[] {"a", "--threads", "0"}),
        Arguments.of("unknown scheduler 'foo'", new String[] {"a", "--scheduler", "foo"}),
        Arguments.of("LCMScheduler", new String[] {"a", "--scheduler", "foo"}),
        Arguments.of("--textual-inversion", new String[] {"a", "--textual-inversion"}),
        Arguments.of(
            "'float8'; there are float32, float16", new String[] {"a", "--precision", "float8"}),
        Arguments.of("DIR:IMAGE[:SCALE]", new String[] {"a", "--adapter", "nowhere:a.png"}),
        Arguments.of("--preview-vae", new String[] {"a", "--preview-vae"}),
        Arguments.of("unknown execution provider", new String[] {"a", "--provider", "abacus"}),
        Arguments.of("must end in .png, found a.jpg", new String[] {"a", "--output", "a.jpg"}),
        Arguments.of("must end in .png", new String[] {"compare", "--output", "a"}),
        Arguments.of("needs --lora", new String[] {"compare", "--checkpoint", "x"}),
        Arguments.of("guidanceScale", new String[] {"compare", "--guidance", "NaN"}),
        Arguments.of("--output", new String[] {"merge"}),
        Arguments.of("--output", new String[] {"export"}),
        Arguments.of("needs --lora", new String[] {"merge", "--checkpoint", "x", "--output", "y"}),
        Arguments.of(
            "argument '--steps', '4'", new String[] {"merge", "--output", "y", "--steps", "4"}),
        Arguments.of("FILE_OR_DIR", new String[] {"inspect"}));
  }

  @ParameterizedTest
  @MethodSource
  void badUsage(String expected, String[] args) {
    assertOneLine(Invocation.of(args), 2, expected);
  }

  @Test
  void missingThingsAreNoBadUsage() throws IOException {
    Path missing = folder.resolve("missing");
    String output = folder.resolve("a.png").toString();
    assertOneLine(
        Invocation.of("a", "--checkpoint", missing.toString(), "--output", output),
        1,
        missing + " does not exist");
    assertOneLine(
        Invocation.of("a", "--lora", missing + ":0.5", "--output", output),
        1,
        missing + " does not exist");
    assertOneLine(
        Invocation.of("a", "--textual-inversion", missing.toString(), "--output", output),
        1,
        "textual inversion file " + missing + " does not exist");
    assertOneLine(
        Invocation.of("a", "--preview-vae", missing.toString(), "--output", output),
        1,
        missing.toString());
    assertOneLine(
        Invocation.of("a", "--output", missing.resolve("a.png").toString()),
        1,
        missing + " does not exist");
    assertOneLine(
        Invocation.of("compare", "--prompts", missing.toString(), "--output", output),
        1,
        missing + " does not exist");
    for (String command : new String[] {"merge", "export"}) {
      String target = folder.resolve("merged").toString();
      assertOneLine(
          Invocation.of(command, "--lora", missing.toString(), "--output", target),
          1,
          missing + " does not exist");
      assertOneLine(
          Invocation.of(command, "--output", missing.resolve("a").toString()),
          1,
          missing + " does not exist");
    }
    assertOneLine(Invocation.of("inspect", missing.toString()), 1, missing + " does not exist");
    Path text = Files.writeString(folder.resolve("text.txt"), "text");
    assertOneLine(Invocation.of("inspect", text.toString()), 1, text + " is none of");
    assertEquals(Set.of("text.txt"), Set.of(folder.toFile().list()));
  }

  @Test
  void folderThatIsNoCheckpointIsNamed() {
    assertOneLine(
        Invocation.of(
            "a", "--checkpoint", folder.toString(), "--output", folder.resolve("a.png").toString()),
        1,
        folder + " has no folder unet");
  }

  @Test
  void stackTraceIsForVerboseOnly() {
    Invocation verbose =
        Invocation.of("inspect", folder.resolve("missing").toString(), "--verbose");
    assertEquals(1, verbose.exitCode());
    assertTrue(verbose.err().contains("\tat "), verbose.err());
  }

  @Test
  void helpAndVersionAreForStandardOutput() {
    for (String[] args :
        new String[][] {
          {"--help"},
          {"-h"},
          {"help"},
          {"generate", "--help"},
          {"compare", "-h"},
          {"merge", "-h"},
          {"export", "-h"},
          {"--version"}
        }) {
      Invocation help = Invocation.of(args);
      assertEquals(0, help.exitCode(), String.join(" ", args));
      assertEquals("", help.err(), String.join(" ", args));
      assertTrue(help.out().contains("lcm4j"), help.out());
    }
  }

  private static void assertOneLine(Invocation invocation, int exitCode, String expected) {
    assertEquals(exitCode, invocation.exitCode(), invocation.err());
    assertEquals("", invocation.out());
    assertEquals(1, invocation.err().lines().count(), invocation.err());
    assertTrue(invocation.err().startsWith("lcm4j: "), invocation.err());
    assertTrue(invocation.err().contains(expected), invocation.err());
  }
}
