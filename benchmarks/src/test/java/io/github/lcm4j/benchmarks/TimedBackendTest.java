package io.github.lcm4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.ImageRequest;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.pocket.PocketModel;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class TimedBackendTest {
  /** A pipeline must find the clock; most of its time is inside the networks, but not all. */
  @Test
  void pipelinesAreTimed() throws IOException {
    try (Pipeline pipeline =
        Pipeline.builder().checkpoint(PocketModel.checkpoint()).threads(1).build()) {
      NetworkClock.reset();
      NetworkClock.total(() -> pipeline.generate(ImageRequest.of("red apple").steps(2)));
    }
    double share = NetworkClock.shareOutside();
    assertTrue(share > 0 && share < 0.9, "share outside the networks: " + share);
  }

  @Test
  void withoutCallsThereIsNoShare() {
    NetworkClock.reset();
    NetworkClock.total(() -> "nothing");
    assertThrows(IllegalStateException.class, NetworkClock::shareOutside);
  }
}
