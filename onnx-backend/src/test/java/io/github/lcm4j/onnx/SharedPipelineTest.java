package io.github.lcm4j.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.lcm4j.Cancellation;
import io.github.lcm4j.GenerationListener;
import io.github.lcm4j.ImageRequest;
import io.github.lcm4j.Pipeline;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** One pipeline under several threads, cancelled and closed. */
class SharedPipelineTest {
  private static Pipeline open() throws IOException {
    return Pipeline.builder()
        .checkpoint(Golden.path("models/sd15"))
        .scheduler("LCMScheduler")
        .threads(1)
        .build();
  }

  private static ImageRequest request(int seed) {
    return ImageRequest.of("a red apple").seed(seed).steps(3).guidanceScale(1.5).size(64, 64);
  }

  private static byte[] draw(Pipeline pipeline, int seed) {
    return pipeline.generate(request(seed)).get(0).png();
  }

  @Test
  void twoThreadsGetThePicturesTheyWouldGetAlone() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try (Pipeline pipeline = open()) {
      List<byte[]> alone = new ArrayList<>();
      List<Callable<byte[]>> calls = new ArrayList<>();
      for (int seed = 0; seed < 8; seed++) {
        int drawn = seed;
        alone.add(draw(pipeline, seed));
        calls.add(() -> draw(pipeline, drawn));
      }
      List<Future<byte[]>> together = threads.invokeAll(calls);
      for (int seed = 0; seed < alone.size(); seed++) {
        assertArrayEquals(alone.get(seed), together.get(seed).get(), "seed " + seed);
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void cancellingStopsWithinOneStep() throws IOException {
    try (Pipeline pipeline = open()) {
      Cancellation cancellation = new Cancellation();
      List<Integer> steps = new ArrayList<>();
      GenerationListener listener =
          step -> {
            steps.add(step.step());
            cancellation.cancel();
          };
      assertThrows(
          CancellationException.class,
          () -> pipeline.generate(request(1).steps(8), listener, cancellation));
      assertEquals(List.of(1), steps);
    }
  }

  @Test
  void aClosedPipelineSaysSo() throws IOException {
    Pipeline pipeline = open();
    pipeline.close();
    pipeline.close();
    assertEquals(
        "the pipeline is closed",
        assertThrows(IllegalStateException.class, () -> draw(pipeline, 1)).getMessage());
  }
}
