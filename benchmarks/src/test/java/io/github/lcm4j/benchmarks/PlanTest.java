package io.github.lcm4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.benchmarks.model.Architecture;
import io.github.lcm4j.benchmarks.report.Case;
import io.github.lcm4j.benchmarks.report.Machine;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class PlanTest {
  private static final Plan.Settings SETTINGS = new Plan.Settings("auto", "CPU", 2);

  private static List<String> tasks(Case subject, boolean whole) throws IOException {
    return Plan.of(subject, whole, SETTINGS).tasks(Plan.allTopics()).stream()
        .map(task -> task.toString().replaceAll(" .*", ""))
        .toList();
  }

  @Test
  void wholeModelsAreRunAndOthersOnlyTheirParts() throws IOException {
    assertEquals(
        List.of(
            "StepsVersusLatency",
            "StepsVersusLatency",
            "Parts",
            "Parts.unetStep",
            "Folding",
            "StartUp"),
        tasks(new Case("sd15", "float32", 512, 1), true));
    assertEquals(
        List.of("Parts", "Parts.unetStep"), tasks(new Case("sdxl", "float32", 1024, 1), false));
  }

  /** What does not depend on the size is measured once. */
  @Test
  void foldingAndStartUpAtTheModelsOwnSizeOnly() throws IOException {
    assertEquals(
        List.of("StepsVersusLatency", "StepsVersusLatency", "Parts", "Parts.unetStep"),
        tasks(new Case("sd15", "float32", 1024, 1), true));
  }

  @Test
  void samplingsReadAsTheyAreWritten() {
    assertEquals(new Sampling(true, 4), Sampling.parse("lcm-4"));
    assertEquals("base-25", new Sampling(false, 25).toString());
    assertEquals(4, new Sampling(true, 4).evaluations());
    assertEquals(50, new Sampling(false, 25).evaluations());
    assertThrows(IllegalArgumentException.class, () -> Sampling.parse("lcm-0"));
    assertThrows(IllegalArgumentException.class, () -> Sampling.parse("euler-4"));
  }

  @Test
  void machinesThatCannotHoldAModelAreTold() throws IOException {
    Architecture sdxl = Architecture.named("sdxl");
    Case subject = new Case("sdxl", "float32", 1024, 1);
    Machine small = new Machine("", 2, 8L << 30, 6L << 30, "", "");
    String lacking = Capacity.lacking(sdxl, subject, small).orElseThrow();
    // 3.47 billion parameters of 4 bytes are 12.9 GiB, to which activations come.
    assertTrue(
        lacking.matches("needs about 1[5-9]\\.\\d GiB of memory, 6.0 GiB are available"), lacking);
    assertTrue(
        Capacity.memory(Architecture.named("sd15"), new Case("sd15", "float32", 512, 1))
            < 8L << 30);
  }
}
