package io.github.lcm4j.benchmarks;

import io.github.lcm4j.benchmarks.model.Architecture;
import io.github.lcm4j.benchmarks.model.Extent;
import io.github.lcm4j.benchmarks.report.Case;
import io.github.lcm4j.benchmarks.report.Machine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/** Whether this machine can hold a model, judged before hours are spent on swapping. */
final class Capacity {
  private static final double GIB = 1 << 30;

  /** The Java machine, ONNX Runtime's code and what else is running. */
  private static final long REST = 1L << 30;

  private Capacity() {}

  /**
   * Memory for all weights in float32 and the largest activations, those of the decoder or of a
   * guided UNet evaluation. Weights that a LoRA replaces count once: their mapped originals can be
   * dropped.
   */
  static long memory(Architecture architecture, Case subject) {
    Extent guided = architecture.extent(2 * subject.batch(), subject.pixels());
    Extent one = architecture.extent(1, subject.pixels());
    return Float.BYTES * architecture.parameters()
        + Math.max(
            architecture.unet().activationBytes(guided),
            architecture.vaeDecoder().activationBytes(one))
        + REST;
  }

  /** Disk for the checkpoint if it is yet to be written. */
  static long disk(Architecture architecture, Case subject) {
    boolean there =
        !ModelFiles.isSynthetic(subject.checkpoint())
            || Files.isDirectory(ModelFiles.syntheticFolder(subject.checkpoint(), subject.dtype()));
    int bytes = subject.dtype().equals("float32") ? 4 : 2;
    return there ? 0 : bytes * architecture.parameters() * 11 / 10;
  }

  /**
   * What is lacking.
   *
   * @return nothing if all is well, else a sentence
   */
  static Optional<String> lacking(Architecture architecture, Case subject, Machine machine)
      throws IOException {
    long memory = memory(architecture, subject);
    if (memory > machine.available()) {
      return Optional.of(
          "needs about %s GiB of memory, %s GiB are available"
              .formatted(gib(memory), gib(machine.available())));
    }
    long disk = disk(architecture, subject);
    if (disk == 0) {
      return Optional.empty();
    }
    Path folder = ModelFiles.folder();
    Files.createDirectories(folder);
    long free = Files.getFileStore(folder).getUsableSpace();
    return disk <= free
        ? Optional.empty()
        : Optional.of(
            "needs %s GiB of disk in %s, %s GiB are free".formatted(gib(disk), folder, gib(free)));
  }

  private static String gib(long bytes) {
    return String.format(Locale.ROOT, "%.1f", bytes / GIB);
  }
}
