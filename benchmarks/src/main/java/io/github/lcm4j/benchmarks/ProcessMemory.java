package io.github.lcm4j.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * The memory of this process as Linux counts it. Elsewhere the numbers are absent, never guessed.
 */
final class ProcessMemory {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path CLEAR_REFS = Path.of("/proc/self/clear_refs");

  private static final long PAUSE_FOR_CLEANERS_MILLIS = 100;

  private static OptionalLong baseline = OptionalLong.empty();

  private ProcessMemory() {}

  /** Largest resident memory so far, mapped files included, in bytes. */
  static OptionalLong peakResident() {
    return read("VmHWM:");
  }

  /** Resident memory, mapped files included, in bytes. */
  static OptionalLong resident() {
    return read("VmRSS:");
  }

  /** Resident memory that belongs to no file, in bytes: heap, native memory, stacks. */
  static OptionalLong anonymous() {
    return read("RssAnon:");
  }

  /**
   * Lets {@link #peakResident} start again from the present. Where the system does not allow it the
   * peak goes on from the start of the process.
   */
  static void resetPeak() {
    if (Files.isWritable(CLEAR_REFS)) {
      try {
        Files.writeString(CLEAR_REFS, "5");
      } catch (IOException e) {
        System.err.println("cannot reset the peak of resident memory: " + e);
      }
    }
  }

  /** Frees the direct memory of objects no longer reachable, which nothing else does in time. */
  static void releaseGarbage() {
    for (int i = 0; i < 2; i++) {
      System.gc();
      try {
        Thread.sleep(PAUSE_FOR_CLEANERS_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Makes the present the state that {@link #aboveBaseline} compares with. */
  static void setBaseline() {
    baseline = anonymous();
  }

  /** How far an amount of anonymous memory is above the baseline, if there is one. */
  static OptionalLong aboveBaseline(long anonymous) {
    return baseline.isPresent()
        ? OptionalLong.of(anonymous - baseline.getAsLong())
        : OptionalLong.empty();
  }

  private static OptionalLong read(String field) {
    if (!Files.isReadable(STATUS)) {
      return OptionalLong.empty();
    }
    try {
      for (String line : Files.readAllLines(STATUS)) {
        if (line.startsWith(field)) {
          return OptionalLong.of(Long.parseLong(line.replaceAll("[^0-9]", "")) << 10);
        }
      }
      return OptionalLong.empty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
