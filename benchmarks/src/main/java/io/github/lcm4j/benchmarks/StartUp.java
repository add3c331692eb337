package io.github.lcm4j.benchmarks;

import io.github.lcm4j.GeneratedImage;
import io.github.lcm4j.Pipeline;
import java.io.IOException;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * From files to a pipeline with the LCM-LoRA folded in, and to its first picture in four steps.
 * Each measurement is the first of its Java machine, classes and native libraries not loaded yet;
 * the weights are in the system's file cache where it can hold them.
 */
@Fork(3)
@Warmup(iterations = 0)
@Measurement(iterations = 1)
public class StartUp extends ForkedBenchmark {
  private Subject subject;
  private Pipeline pipeline;

  /** Made by JMH. */
  public StartUp() {}

  /** Keeps the settings and sees to it that the files are there. */
  @Setup
  public void prepare(Subject parameters) throws IOException {
    subject = parameters;
    subject.open();
  }

  /** Checkpoint and LoRA to a ready pipeline. */
  @Benchmark
  public Pipeline load() throws IOException {
    pipeline = subject.lcm().build();
    return pipeline;
  }

  /** Checkpoint and LoRA to the first picture. */
  @Benchmark
  public List<GeneratedImage> firstPicture() throws IOException {
    pipeline = subject.lcm().build();
    return pipeline.generate(new Sampling(true, 4).request(subject, subject.pixels(), 1));
  }

  /** Frees the networks. */
  @TearDown
  public void close() {
    pipeline.close();
  }
}
