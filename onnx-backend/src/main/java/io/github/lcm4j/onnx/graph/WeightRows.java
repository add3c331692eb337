package io.github.lcm4j.onnx.graph;

/**
 * A weight that is some rows of one of the checkpoint's, which lie together there.
 *
 * @param weight the whole weight's name in the checkpoint
 * @param from first row of its first axis
 * @param to row after the last
 */
public record WeightRows(String weight, int from, int to) {
  /** What the part is called in a graph. */
  String name() {
    return "%s[%d:%d]".formatted(weight, from, to);
  }
}
