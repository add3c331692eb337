package io.github.lcm4j.benchmarks;

import io.github.lcm4j.lora.MergeResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The LCM-LoRA folded into the weights, without creating sessions: {@code W′ = W + s·up·down}, in
 * float32, whatever the checkpoint's type. Each measurement is the first of its Java machine, as it
 * is when a program starts; and a second one would find memory that the C library kept from the
 * first.
 */
@Fork(3)
@Warmup(iterations = 0)
@Measurement(iterations = 1)
public class Folding extends ForkedBenchmark {
  private FoldingInputs inputs;

  /** Made by JMH. */
  public Folding() {}

  /** Maps the weights. */
  @Setup
  public void open(Subject subject) throws IOException {
    Path lora = subject.lcmLora();
    if (lora == null) {
      throw new IllegalArgumentException("folding needs a LoRA: set the parameter lora to a file");
    }
    inputs = FoldingInputs.open(subject.open().folder(), List.of(lora), subject.threads);
    inputs.touch();
    ProcessMemory.setBaseline();
  }

  /** Reads the LoRA and folds it. */
  @Benchmark
  public MergeResult fold() throws IOException {
    return inputs.fold();
  }

  /** The folded weights are gigabytes outside the heap, which no full heap makes room for. */
  @TearDown(Level.Iteration)
  public void release() {
    ProcessMemory.releaseGarbage();
  }
}
