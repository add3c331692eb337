package io.github.lcm4j.benchmarks;

import io.github.lcm4j.Sampler;
import io.github.lcm4j.SamplingPlan;
import io.github.lcm4j.Scheduler;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.Schedulers;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One scheduler step, with its noise where it draws some: the average over a run of four, of which
 * planning is a part.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class SchedulerStep extends ForkedBenchmark {
  private static final int STEPS = 4;

  /** Name of the scheduler. */
  @Param({"LCMScheduler", "DDIMScheduler", "EulerDiscreteScheduler"})
  public String scheduler = "";

  /** Side of the latents: 64 for pictures of 512, 128 for 1024. */
  @Param({"64", "128"})
  public int latents;

  private Scheduler planner;
  private Tensor sample;
  private Tensor modelOutput;
  private TorchRandom random;

  /** Made by JMH. */
  public SchedulerStep() {}

  /** Makes the tensors. */
  @Setup
  public void create() {
    planner = Schedulers.named(scheduler).create(SchedulerConfig.defaults());
    random = new TorchRandom(0);
    sample = random.randn(1, 4, latents, latents);
    modelOutput = random.randn(1, 4, latents, latents);
  }

  /** Four steps. */
  @Benchmark
  @OperationsPerInvocation(STEPS)
  public Tensor run() {
    Sampler sampler = planner.sampler(SamplingPlan.of(STEPS));
    Tensor current = sample;
    for (int i = 0; i < STEPS; i++) {
      sampler.scaleModelInput(current, i);
      current = sampler.step(modelOutput, i, current, random).prevSample();
    }
    return current;
  }
}
