package io.github.lcm4j.benchmarks;

import java.util.function.Supplier;

/**
 * How much of {@code generate} is spent inside the networks. {@link TimedBackend} counts each of
 * their calls, the wrapping of its tensors included, which takes microseconds. One thread only.
 */
final class NetworkClock {
  private static long inNetworks;
  private static long inTotal;
  private static long calls;

  private NetworkClock() {}

  /** Counts a network's call. */
  static <T> T network(Supplier<T> call) {
    long start = System.nanoTime();
    try {
      return call.get();
    } finally {
      inNetworks += System.nanoTime() - start;
      calls++;
    }
  }

  /** Counts a call that the networks' calls are part of. */
  static <T> T total(Supplier<T> call) {
    long start = System.nanoTime();
    try {
      return call.get();
    } finally {
      inTotal += System.nanoTime() - start;
    }
  }

  static void reset() {
    inNetworks = 0;
    inTotal = 0;
    calls = 0;
  }

  static boolean isUsed() {
    return inTotal > 0;
  }

  /**
   * The share of the total outside the networks, 0 to 1.
   *
   * @throws IllegalStateException if no network's call was counted
   */
  static double shareOutside() {
    if (calls == 0) {
      throw new IllegalStateException(
          "no network's call was counted; is "
              + TimedBackend.class.getName()
              + " the first backend on the class path?");
    }
    return 1 - (double) inNetworks / inTotal;
  }
}
