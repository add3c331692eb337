package io.github.lcm4j.benchmarks.report;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What it runs on.
 *
 * @param processor name of the processor
 * @param cores processors this program may use
 * @param memory physical memory in bytes
 * @param available memory that can be had without swapping, in bytes
 * @param system operating system
 * @param java the Java machine
 */
public record Machine(
    String processor, int cores, long memory, long available, String system, String java) {
  private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
  private static final Path MEMORY_INFO = Path.of("/proc/meminfo");

  /** This machine, now. */
  public static Machine here() throws IOException {
    OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    long memory = system.getTotalMemorySize();
    return new Machine(
        field(CPU_INFO, "model name").orElse(System.getProperty("os.arch")),
        Runtime.getRuntime().availableProcessors(),
        memory,
        Math.min(
            memory,
            field(MEMORY_INFO, "MemAvailable")
                .map(text -> Long.parseLong(text.replaceAll("[^0-9]", "")) << 10)
                .orElse(memory / 5 * 4)),
        "%s %s %s"
            .formatted(
                System.getProperty("os.name"),
                System.getProperty("os.version"),
                System.getProperty("os.arch")),
        "%s %s"
            .formatted(System.getProperty("java.vm.name"), System.getProperty("java.vm.version")));
  }

  private static Optional<String> field(Path file, String name) throws IOException {
    if (!Files.isReadable(file)) {
      return Optional.empty();
    }
    return Files.readAllLines(file).stream()
        .filter(line -> line.startsWith(name))
        .map(line -> line.substring(line.indexOf(':') + 1).strip())
        .findFirst();
  }
}
