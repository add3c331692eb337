package io.github.lcm4j.benchmarks.peers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lcm4j.benchmarks.report.Spread;
import io.github.lcm4j.benchmarks.report.Table;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a contest found.
 *
 * @param names the contestants, first the one the others are compared with
 * @param rounds for each contestant that ran, its JSON lines by round
 * @param absent for each that did not, why
 */
public record SideBySide(
    List<String> names, Map<String, List<List<JsonNode>>> rounds, Map<String, String> absent) {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  /** Copies the collections. */
  public SideBySide {
    names = List.copyOf(names);
    rounds = new LinkedHashMap<>(rounds);
    absent = new LinkedHashMap<>(absent);
  }

  /** All lines, for a file. */
  public JsonNode json() {
    ObjectNode node = MAPPER.createObjectNode();
    node.set("rounds", MAPPER.valueToTree(rounds));
    node.set("absent", MAPPER.valueToTree(absent));
    return node;
  }

  /** Versions, a table of medians with ranges and of ratios with ranges, and who is absent. */
  public String markdown() {
    StringBuilder text = new StringBuilder();
    for (String name : names) {
      text.append("- ").append(name).append(": ").append(environment(name)).append('\n');
    }
    return text.append('\n').append(table()).toString();
  }

  private String environment(String name) {
    if (absent.containsKey(name)) {
      return "**" + absent.get(name) + "**";
    }
    for (JsonNode line : rounds.getOrDefault(name, List.of(List.of())).get(0)) {
      if (line.path("measurement").asText().equals("environment")) {
        List<String> versions = new ArrayList<>();
        line.path("versions")
            .properties()
            .forEach(entry -> versions.add(entry.getKey() + " " + entry.getValue().asText()));
        return "%s; %s threads"
            .formatted(String.join(", ", versions), line.path("threads").asText());
      }
    }
    return "did not say what it is";
  }

  private Table table() {
    List<String> peers = names.subList(1, names.size());
    List<String> header = new ArrayList<>(List.of("figure", names.get(0)));
    for (String peer : peers) {
      header.add(peer);
      header.add(names.get(0) + " : " + peer);
    }
    Table table = new Table(1, header.toArray(String[]::new));
    for (Figure figure : Figure.ALL) {
      if (values(names.get(0), figure).isEmpty()) {
        continue;
      }
      List<String> row = new ArrayList<>();
      row.add("%s, %s".formatted(figure.name(), figure.unit()));
      row.add(text(spread(values(names.get(0), figure))));
      for (String peer : peers) {
        row.add(text(spread(values(peer, figure))));
        row.add(text(ratio(peer, figure)));
      }
      table.row(row.toArray(String[]::new));
    }
    return table;
  }

  private static String text(Optional<Spread> spread) {
    return spread.map(Spread::toString).orElse("");
  }

  private List<Double> values(String name, Figure figure) {
    return rounds.getOrDefault(name, List.of()).stream()
        .flatMap(round -> figure.in(round).stream())
        .toList();
  }

  private static Optional<Spread> spread(List<Double> values) {
    return values.isEmpty()
        ? Optional.empty()
        : Optional.of(Spread.ofMedian(values.stream().mapToDouble(Double::doubleValue).toArray()));
  }

  /** The median over the rounds of the first contestant's value divided by another's. */
  Optional<Spread> ratio(String peer, Figure figure) {
    List<List<JsonNode>> own = rounds.getOrDefault(names.get(0), List.of());
    List<List<JsonNode>> others = rounds.getOrDefault(peer, List.of());
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < Math.min(own.size(), others.size()); i++) {
      Optional<Spread> mine = spread(figure.in(own.get(i)));
      Optional<Spread> theirs = spread(figure.in(others.get(i)));
      if (mine.isPresent() && theirs.isPresent()) {
        ratios.add(mine.get().middle() / theirs.get().middle());
      }
    }
    return spread(ratios);
  }
}
