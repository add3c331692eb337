package io.github.lcm4j.benchmarks;

import io.github.lcm4j.GeneratedImage;
import io.github.lcm4j.Pipeline;
import java.io.IOException;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * The time of one {@code generate} call, prompt to picture, against the number of steps: LCM-LoRA
 * at guidance 1, and the bare base with guidance 7.5.
 */
public class StepsVersusLatency extends ForkedBenchmark {
  /** {@code lcm-STEPS} or {@code base-STEPS}. */
  @Param({"lcm-1", "lcm-2", "lcm-4", "lcm-8", "base-25", "base-50"})
  public String sampling = "";

  private Sampling plan;
  private int pixels;
  private long seed;
  private Subject subject;
  private Pipeline pipeline;

  /** Made by JMH. */
  public StepsVersusLatency() {}

  /** Loads the pipeline and draws once in one step, so that all memory is there. */
  @Setup
  public void load(Subject parameters) throws IOException {
    subject = parameters;
    plan = Sampling.parse(sampling);
    pixels = subject.pixels();
    pipeline = (plan.lcm() ? subject.lcm() : subject.base()).build();
    pipeline.generate(new Sampling(plan.lcm(), 1).request(subject, pixels, 0));
    NetworkClock.reset();
    ProcessMemory.resetPeak();
  }

  /** Draws. */
  @Benchmark
  public List<GeneratedImage> generate() {
    return NetworkClock.total(() -> pipeline.generate(plan.request(subject, pixels, ++seed)));
  }

  /** Frees the networks. */
  @TearDown
  public void close() {
    pipeline.close();
  }
}
