package io.github.lcm4j.benchmarks;

import io.github.lcm4j.lora.MergeResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/**
 * The LCM-LoRA folded into the weights, without creating sessions: {@code W′ = W + s·up·down}, in
 * float32, whatever the checkpoint's type.
 */
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
  }

  /** Reads the LoRA and folds it. */
  @Benchmark
  public MergeResult fold() throws IOException {
    return inputs.fold();
  }
}
