package io.github.lcm4j.onnx.graph;

import static io.github.lcm4j.onnx.graph.GraphBuilder.attribute;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Values that are held in strips, from top to bottom, instead of whole. Pictures of one size are
 * divided at the same rows.
 */
final class Strips {
  /** Every strip but the last is a multiple of these rows, so that tiles of any size fit in. */
  static final int ROWS = 4;

  private final NodeList graph;
  private final PictureExtents extents;
  private final int count;
  private final Map<String, List<String>> strips = new HashMap<>();
  private final Map<String, List<String>> borders = new HashMap<>();
  private final Set<String> whole = new HashSet<>();
  private int minSide;

  /**
   * No values yet.
   *
   * @param count number of strips of each
   */
  Strips(NodeList graph, PictureExtents extents, int count) {
    this.graph = graph;
    this.extents = extents;
    this.count = count;
  }

  /** The least height of the network's input that leaves no strip empty; 0 if there are none. */
  int minSide() {
    return minSide;
  }

  boolean has(String value) {
    return strips.containsKey(value);
  }

  List<String> of(String value) {
    return strips.get(value);
  }

  /** A value that is written and as wide as another; one for many values. */
  String anyLike(String value) {
    String like = extents.of(value).like();
    return has(like) ? of(like).get(0) : like;
  }

  /** A value that was written in strips, of a picture that is divided already. */
  void put(String value, List<String> written) {
    strips.put(value, written);
  }

  /** Divides pictures that are twice as large as others where those are divided. */
  void doubleBorders(String from, String to) {
    borders.computeIfAbsent(
        extents.of(to).like(),
        absent ->
            borders.get(extents.of(from).like()).stream()
                .map(border -> graph.node("Mul", List.of(border, graph.longs(2))))
                .toList());
  }

  /** A value's strips; cuts it if it is whole. */
  List<String> cut(String value) {
    return strips.computeIfAbsent(
        value,
        absent -> {
          whole.add(value);
          List<String> rows = bordersOf(value);
          List<String> parts = new ArrayList<>();
          for (int i = 0; i < count; i++) {
            String from = i == 0 ? graph.longs(0) : rows.get(i - 1);
            String to = i == count - 1 ? graph.longs(Integer.MAX_VALUE) : rows.get(i);
            parts.add(graph.node("Slice", List.of(value, from, to, graph.longs(2))));
          }
          return parts;
        });
  }

  private List<String> bordersOf(String value) {
    PictureExtents.Extent extent = extents.of(value);
    return borders.computeIfAbsent(
        extent.like(),
        absent -> {
          int shrunk = (extents.inputSide() + extent.side() - 1) / extent.side();
          minSide = Math.max(minSide, ROWS * count * shrunk);
          String rows =
              graph.node(
                  "Div",
                  List.of(
                      graph.node("Add", List.of(graph.shape(value, 2, 3), graph.longs(ROWS - 1))),
                      graph.longs(ROWS)));
          List<String> between = new ArrayList<>();
          for (int i = 1; i < count; i++) {
            String border = graph.node("Mul", List.of(rows, graph.longs(i)));
            border = graph.node("Div", List.of(border, graph.longs(count)));
            between.add(graph.node("Mul", List.of(border, graph.longs(ROWS))));
          }
          return between;
        });
  }

  /** A strip with rows of its neighbours above and below it. */
  String withNeighbours(List<String> parts, int strip, long rows) {
    if (rows == 0) {
      return parts.get(strip);
    }
    List<String> around = new ArrayList<>();
    if (strip > 0) {
      around.add(rows(parts.get(strip - 1), -rows, Integer.MAX_VALUE));
    }
    around.add(parts.get(strip));
    if (strip < count - 1) {
      around.add(rows(parts.get(strip + 1), 0, rows));
    }
    return graph.node("Concat", around, attribute("axis", 2L));
  }

  private String rows(String x, long from, long to) {
    return graph.node("Slice", List.of(x, graph.longs(from), graph.longs(to), graph.longs(2)));
  }

  /** Joins a value under its own name, if it is not whole. */
  void join(String value) {
    if (has(value) && whole.add(value)) {
      graph.name(graph.node("Concat", strips.get(value), attribute("axis", 2L)), value);
    }
  }
}
