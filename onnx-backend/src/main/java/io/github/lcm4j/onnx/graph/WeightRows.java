package io.github.lcm4j.onnx.graph;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A weight that is some rows of one of the checkpoint's, which lie together there.
 *
 * @param weight the whole weight's name in the checkpoint
 * @param from first row of its first axis
 * @param to row after the last
 */
public record WeightRows(String weight, int from, int to) {
  /** What the part is called in a graph. */
  private String name() {
    return "%s[%d:%d]".formatted(weight, from, to);
  }

  /**
   * Declares equal parts of a weight instead of the whole.
   *
   * @param each rows of a part
   * @param shape that of a part in the graph
   * @param weights the shapes of a network's weights
   * @param rows its weights that are parts
   * @return what the parts are called
   */
  static List<String> split(
      String weight,
      int count,
      int each,
      long[] shape,
      Map<String, long[]> weights,
      Map<String, WeightRows> rows) {
    weights.remove(weight);
    List<String> names = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      WeightRows part = new WeightRows(weight, i * each, (i + 1) * each);
      weights.put(part.name(), shape);
      rows.put(part.name(), part);
      names.add(part.name());
    }
    return names;
  }
}
