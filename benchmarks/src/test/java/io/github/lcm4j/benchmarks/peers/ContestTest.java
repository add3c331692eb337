package io.github.lcm4j.benchmarks.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.benchmarks.report.Spread;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Contestants are shell commands that print what they are told to. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "needs sh")
class ContestTest {
  private static final Figure STEP = figure("UNet step");

  @TempDir Path folder;
  private final List<String> progress = new ArrayList<>();
  private Path log;

  @BeforeEach
  void nameLog() {
    log = folder.resolve("log");
  }

  private static Figure figure(String name) {
    return Figure.ALL.stream().filter(f -> f.name().equals(name)).findFirst().orElseThrow();
  }

  private static Contestant contestant(String name, String script) {
    return new Contestant(name, Map.of("parts", List.of("sh", "-c", script)));
  }

  private static String step(String milliseconds) {
    return "echo '{\"measurement\": \"unet_step\", \"milliseconds\": [" + milliseconds + "]}'";
  }

  private SideBySide run(int rounds, Contestant... contestants) throws IOException {
    return Contest.run(List.of(contestants), List.of("parts"), rounds, log, progress::add);
  }

  @Test
  void ratiosAreTakenRoundByRound() throws IOException {
    // The second round is twice as slow for both: the ratio does not change.
    String state = folder.resolve("slow").toString();
    String own =
        "if [ -e %s ]; then %s; else %s; fi"
            .formatted(state, step("20, 22, 90"), step("9, 11, 12"));
    String other =
        "if [ -e %s ]; then %s; else %s; touch %s; fi"
            .formatted(state, step("44"), step("22"), state);
    SideBySide found = run(2, contestant("lcm4j", own), contestant("peer", other));
    assertEquals(new Spread(0.5, 0.5, 0.5), found.ratio("peer", STEP).orElseThrow());
    assertTrue(
        found
            .markdown()
            .contains("| UNet step, ms | 16.5 (11.0–22.0) | 33.0 (22.0–44.0) | 0.500 |"),
        found.markdown());
    // Forwards, then backwards.
    assertEquals(
        List.of(
            "round 1 of 2: parts, lcm4j",
            "round 1 of 2: parts, peer",
            "round 2 of 2: parts, peer",
            "round 2 of 2: parts, lcm4j"),
        progress);
  }

  @Test
  void missingPeersAreNamed() throws IOException {
    Contestant lacking =
        contestant(
            "diffusers", "echo '{\"missing\": \"torch\", \"needed_by\": \"torch\"}'; exit 3");
    Contestant absent =
        new Contestant("ONNX Runtime", Map.of("parts", List.of("/no/such/interpreter", "x.py")));
    Contestant broken = contestant("broken", "echo trouble >&2; exit 1");
    SideBySide found = run(2, contestant("lcm4j", step("5")), lacking, absent, broken);
    assertEquals("missing: the package torch is not installed", found.absent().get("diffusers"));
    assertEquals(
        "missing: /no/such/interpreter cannot be started", found.absent().get("ONNX Runtime"));
    assertEquals("failed: exit code 1, see " + log, found.absent().get("broken"));
    String page = found.markdown();
    assertTrue(page.contains("- diffusers: **missing: the package torch is not installed**"), page);
    assertTrue(page.contains("| UNet step, ms | 5.00 |  |  |  |  |  |  |"), page);
    assertEquals(1, progress.stream().filter(line -> line.endsWith("parts, broken")).count());
  }

  @Test
  void ownFailureIsAnError() {
    IOException e =
        assertThrows(IOException.class, () -> run(1, contestant("lcm4j", "echo nonsense")));
    assertTrue(
        e.getMessage().contains("printed 'nonsense' where JSON was expected"), e.getMessage());
  }

  /** As the scripts print them: one line without and one with LoRA, and another for a bare UNet. */
  @Test
  void loadsAreToldApart() throws IOException {
    String script =
        "echo '{\"measurement\": \"load\", \"lora\": false, \"milliseconds\": [10]}';"
            + "echo '{\"measurement\": \"load\", \"lora\": true, \"milliseconds\": [30], \"peak_bytes\": 2097152}';"
            + "echo '{\"measurement\": \"load\", \"milliseconds\": [70]}'";
    SideBySide found = run(1, contestant("lcm4j", script));
    String page = found.markdown();
    assertTrue(page.contains("| checkpoint to ready pipeline, ms | 10.0 |"), page);
    assertTrue(page.contains("| the same, LoRA folded in, ms | 30.0 |"), page);
    assertTrue(page.contains("| its peak resident memory, MiB | 2.00 |"), page);
  }
}
