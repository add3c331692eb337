package io.github.lcm4j.benchmarks.peers;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Lets programs measure themselves in turn: a round has heats, and in a heat each contestant runs
 * once in a process of its own while nothing else does. Every other round goes through them
 * backwards, so that a machine that slows down or heats up does not favour one.
 */
public final class Contest {
  private final List<Contestant> contestants;
  private final List<String> heats;
  private final Path log;
  private final Consumer<String> progress;
  private final Map<String, List<List<JsonNode>>> rounds = new LinkedHashMap<>();
  private final Map<String, String> absent = new LinkedHashMap<>();

  private Contest(
      List<Contestant> contestants, List<String> heats, Path log, Consumer<String> progress) {
    this.contestants = contestants;
    this.heats = heats;
    this.log = log;
    this.progress = progress;
  }

  /**
   * Runs a contest.
   *
   * @param contestants the first is the one the others are compared with
   * @param heats names of the heats in their order
   * @param count number of rounds
   * @param log takes what the programs write to standard error
   * @param progress told what is being run
   * @return what they measured
   * @throws IOException if the first contestant fails; others are only named
   */
  public static SideBySide run(
      List<Contestant> contestants,
      List<String> heats,
      int count,
      Path log,
      Consumer<String> progress)
      throws IOException {
    Contest contest = new Contest(contestants, heats, log, progress);
    for (int round = 0; round < count; round++) {
      contest.round(round, count);
    }
    return new SideBySide(
        contestants.stream().map(Contestant::name).toList(), contest.rounds, contest.absent);
  }

  private void round(int number, int count) throws IOException {
    List<Contestant> order = new ArrayList<>(contestants);
    if (number % 2 == 1) {
      Collections.reverse(order);
    }
    Map<String, List<JsonNode>> lines = new LinkedHashMap<>();
    for (String heat : heats) {
      for (Contestant contestant : order) {
        List<String> command = contestant.commands().get(heat);
        if (command != null && !absent.containsKey(contestant.name())) {
          progress.accept(
              "round %d of %d: %s, %s".formatted(number + 1, count, heat, contestant.name()));
          run(contestant, command, lines);
        }
      }
    }
    lines.forEach(
        (name, found) -> rounds.computeIfAbsent(name, key -> new ArrayList<>()).add(found));
  }

  private void run(Contestant contestant, List<String> command, Map<String, List<JsonNode>> lines)
      throws IOException {
    try {
      lines
          .computeIfAbsent(contestant.name(), key -> new ArrayList<>())
          .addAll(PeerProcess.run(command, log));
    } catch (PeerException e) {
      if (contestant == contestants.get(0)) {
        throw e;
      }
      String kind = e.isMissing() ? "missing: " : "failed: ";
      absent.put(contestant.name(), kind + e.getMessage());
      progress.accept(contestant.name() + " " + absent.get(contestant.name()));
    }
  }
}
