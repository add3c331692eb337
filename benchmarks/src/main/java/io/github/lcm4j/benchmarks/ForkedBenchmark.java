package io.github.lcm4j.benchmarks;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What the benchmarks of whole networks have in common: one call is one measurement, as a call
 * takes from a tenth of a second to many minutes, in a fresh Java machine with a small heap, as the
 * weights and activations lie outside it.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 1)
@Measurement(iterations = 3)
@Fork(
    value = 1,
    jvmArgsAppend = {
      Jvm.OLD_AND_NEW,
      Jvm.NATIVE_ACCESS,
      Jvm.UNSAFE_ACCESS,
      Jvm.FIRST_HEAP,
      Jvm.HEAP,
      Jvm.DIRECT_MEMORY,
      Jvm.COLLECTOR,
      Jvm.HEADLESS
    })
abstract class ForkedBenchmark {
  /** Made by JMH. */
  ForkedBenchmark() {}
}
