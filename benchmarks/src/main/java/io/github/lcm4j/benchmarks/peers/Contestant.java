package io.github.lcm4j.benchmarks.peers;

import java.util.List;
import java.util.Map;

/**
 * A program that measures itself.
 *
 * @param name what to call it
 * @param commands the whole command line for each heat it takes part in, by the heat's name
 */
public record Contestant(String name, Map<String, List<String>> commands) {
  /** Copies the map. */
  public Contestant {
    commands = Map.copyOf(commands);
  }
}
