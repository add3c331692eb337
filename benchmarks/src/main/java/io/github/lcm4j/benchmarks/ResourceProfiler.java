package io.github.lcm4j.benchmarks;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.OptionalLong;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ScalarResult;

/**
 * Adds memory, in MiB, and the share of time outside the networks to every benchmark's results.
 *
 * <ul>
 *   <li>{@code peakResident}: what Linux calls VmHWM, mapped weights included;
 *   <li>{@code peakAnonymous}: the part that belongs to no file, looked at twenty times a second;
 *   <li>{@code grownAnonymous}: by how much that rose above a benchmark's own baseline, if it set
 *       one;
 *   <li>{@code peakHeap}: the Java heap in use; {@code peakNative}: anonymous memory less the heap;
 *   <li>{@code outsideNetworks}: percent of {@code generate}.
 * </ul>
 */
public final class ResourceProfiler implements InternalProfiler {
  static final String PEAK_RESIDENT = "peakResident";
  static final String PEAK_ANONYMOUS = "peakAnonymous";
  static final String GROWN_ANONYMOUS = "grownAnonymous";
  static final String PEAK_HEAP = "peakHeap";
  static final String PEAK_NATIVE = "peakNative";
  static final String OUTSIDE_NETWORKS = "outsideNetworks";

  private static final double MIB = 1 << 20;
  private static final long INTERVAL_MILLIS = 50;

  private Watch watch = new Watch();

  /** Made by JMH. */
  public ResourceProfiler() {}

  @Override
  public String getDescription() {
    return "Memory and time outside the networks";
  }

  @Override
  public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
    heapPools().forEach(MemoryPoolMXBean::resetPeakUsage);
    NetworkClock.reset();
    watch = new Watch();
    watch.start();
  }

  @Override
  public Collection<? extends Result<?>> afterIteration(
      BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
    long anonymous = watch.finish();
    long heap = heapPools().stream().mapToLong(pool -> pool.getPeakUsage().getUsed()).sum();
    List<Result<?>> results = new ArrayList<>();
    results.add(mib(PEAK_HEAP, heap));
    OptionalLong resident = ProcessMemory.peakResident();
    if (resident.isPresent()) {
      results.add(mib(PEAK_RESIDENT, resident.getAsLong()));
      results.add(mib(PEAK_ANONYMOUS, anonymous));
      ProcessMemory.aboveBaseline(anonymous)
          .ifPresent(grown -> results.add(mib(GROWN_ANONYMOUS, grown)));
      results.add(mib(PEAK_NATIVE, anonymous - heap));
    }
    if (NetworkClock.isUsed()) {
      results.add(
          new ScalarResult(
              OUTSIDE_NETWORKS, 100 * NetworkClock.shareOutside(), "%", AggregationPolicy.AVG));
    }
    return results;
  }

  private static Result<?> mib(String label, long bytes) {
    return new ScalarResult(label, bytes / MIB, "MiB", AggregationPolicy.MAX);
  }

  private static List<MemoryPoolMXBean> heapPools() {
    return ManagementFactory.getMemoryPoolMXBeans().stream()
        .filter(pool -> pool.getType() == MemoryType.HEAP)
        .toList();
  }

  /** Looks at the anonymous memory from time to time; Linux keeps no peak of it. */
  private static final class Watch extends Thread {
    private volatile boolean running = true;
    private volatile long peak;

    Watch() {
      super("memory-watch");
      setDaemon(true);
    }

    @Override
    public void run() {
      while (running) {
        look();
        try {
          Thread.sleep(INTERVAL_MILLIS);
        } catch (InterruptedException e) {
          return;
        }
      }
    }

    private void look() {
      peak = Math.max(peak, ProcessMemory.anonymous().orElse(0));
    }

    long finish() {
      running = false;
      interrupt();
      try {
        join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      look();
      return peak;
    }
  }
}
