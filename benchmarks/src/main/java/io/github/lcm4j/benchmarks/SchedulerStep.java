package io.github.lcm4j.benchmarks;

import io.github.lcm4j.Sampler;
import io.github.lcm4j.SamplingPlan;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.Schedulers;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.Warmup;

/** One scheduler step, with its noise where it draws some. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class SchedulerStep extends ForkedBenchmark {
  /** Name of the scheduler. */
  @Param({"LCMScheduler", "DDIMScheduler", "EulerDiscreteScheduler"})
  public String scheduler = "";

  /** Side of the latents: 64 for pictures of 512, 128 for 1024. */
  @Param({"64", "128"})
  public int latents;

  private Sampler sampler;
  private Tensor sample;
  private Tensor modelOutput;
  private TorchRandom random;

  /** Made by JMH. */
  public SchedulerStep() {}

  /** Makes the tensors and plans four steps. */
  @Setup
  public void plan() {
    sampler =
        Schedulers.named(scheduler).create(SchedulerConfig.defaults()).sampler(SamplingPlan.of(4));
    random = new TorchRandom(0);
    sample = random.randn(1, 4, latents, latents);
    modelOutput = random.randn(1, 4, latents, latents);
  }

  /** The first step of four. */
  @Benchmark
  public Sampler.Step step() {
    return sampler.step(modelOutput, 0, sampler.scaleModelInput(sample, 0), random);
  }
}
