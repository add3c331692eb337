package io.github.lcm4j.benchmarks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * How Java machines that measure are started: a small heap and much room outside it, where weights
 * and activations lie.
 */
final class Jvm {
  static final String OLD_AND_NEW = "-XX:+IgnoreUnrecognizedVMOptions";
  static final String NATIVE_ACCESS = "--enable-native-access=ALL-UNNAMED";
  static final String UNSAFE_ACCESS = "--sun-misc-unsafe-memory-access=allow";
  static final String FIRST_HEAP = "-Xms64m";
  static final String HEAP = "-Xmx512m";
  static final String DIRECT_MEMORY = "-XX:MaxDirectMemorySize=64g";
  static final String COLLECTOR = "-XX:+UseSerialGC";
  static final String HEADLESS = "-Djava.awt.headless=true";

  private Jvm() {}

  /** The command that runs a class of this program in a Java machine of the same kind. */
  static List<String> command(Class<?> main) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            OLD_AND_NEW,
            NATIVE_ACCESS,
            UNSAFE_ACCESS,
            FIRST_HEAP,
            HEAP,
            DIRECT_MEMORY,
            COLLECTOR,
            HEADLESS));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    return command;
  }
}
