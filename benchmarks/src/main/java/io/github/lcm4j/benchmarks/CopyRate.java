package io.github.lcm4j.benchmarks;

import java.nio.ByteBuffer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.Warmup;

/**
 * How fast one thread copies memory that is there already and fits no cache. It bounds what work on
 * all weights can reach.
 */
@Warmup(iterations = 3)
@Measurement(iterations = 9)
public class CopyRate extends ForkedBenchmark {
  /** Bytes copied. */
  public static final int BYTES = 256 << 20;

  private ByteBuffer from;
  private ByteBuffer to;

  /** Made by JMH. */
  public CopyRate() {}

  /** Makes the memory resident. */
  @Setup
  public void fill() {
    from = ByteBuffer.allocateDirect(BYTES);
    to = ByteBuffer.allocateDirect(BYTES);
    for (int i = 0; i < BYTES; i += 4096) {
      from.put(i, (byte) i);
      to.put(i, (byte) i);
    }
  }

  /** One copy. */
  @Benchmark
  public ByteBuffer copy() {
    return to.put(0, from, 0, BYTES);
  }
}
