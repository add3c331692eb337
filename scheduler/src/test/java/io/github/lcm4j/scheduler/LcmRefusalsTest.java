package io.github.lcm4j.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.SamplingPlan;
import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The arguments that diffusers' class refuses (golden/README.md) are refused with a remedy. */
class LcmRefusalsTest {
  static Stream<JsonNode> refused() throws IOException {
    return GoldenCase.json("lcm-errors.json").valueStream();
  }

  @Test
  void messagesGiveBothValuesAndTheRemedy() throws IOException {
    List<String> messages = refused().map(LcmRefusalsTest::message).toList();
    assertEquals(
        List.of(
            "LCMScheduler: 51 steps do not fit original_inference_steps × strength = 50 × 1.0; use"
                + " at most 50 steps or raise original_inference_steps to at least 51",
            "LCMScheduler: 4 steps do not fit original_inference_steps × strength = 50 × 0.05; use"
                + " at most 2 steps or raise strength to at least 0.08",
            "LCMScheduler: 2000 steps are more than the 1000 training timesteps of the model; use"
                + " at most 1000",
            "LCMScheduler: the first timestep 1000 must be below the 1000 training timesteps of the"
                + " model; start at most at 999",
            "LCMScheduler: timestep 999 follows 10; put the timesteps in descending order",
            "LCMScheduler: the configuration's original_inference_steps 2000 must be at least 1 and at"
                + " most the 1000 training timesteps of the model; set it to the number the model was distilled"
                + " with, usually 50"),
        messages);
  }

  @Test
  void timestepsBelowZeroAndEmptyCutsAreRefused() {
    LCMScheduler scheduler = new LCMScheduler();
    assertThrows(
        IllegalArgumentException.class,
        () -> scheduler.sampler(SamplingPlan.ofTimesteps(10, 0, -1)));
    assertThrows(
        IllegalArgumentException.class,
        () -> scheduler.sampler(SamplingPlan.ofTimesteps(999, 499).strength(0.4)));
  }

  private static String message(JsonNode golden) {
    LCMScheduler scheduler = new LCMScheduler(GoldenCase.config(golden.get("config")));
    JsonNode arguments = golden.get("arguments");
    SamplingPlan plan = GoldenCase.plan(arguments.path("num_inference_steps"), arguments);
    // What the configuration says is no fault of the caller's.
    boolean configured = golden.path("config").has("original_inference_steps");
    RuntimeException e = assertThrows(RuntimeException.class, () -> scheduler.sampler(plan));
    assertEquals(
        configured ? IllegalStateException.class : IllegalArgumentException.class, e.getClass());
    return e.getMessage();
  }
}
