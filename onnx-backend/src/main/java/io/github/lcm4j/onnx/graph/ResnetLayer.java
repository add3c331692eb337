package io.github.lcm4j.onnx.graph;

import io.github.lcm4j.checkpoint.CheckpointException;
import java.util.List;

/**
 * diffusers' ResnetBlock2D: norm, activation, convolution, time embedding, norm, activation,
 * convolution, and the input added through a 1×1 convolution where the channels change.
 *
 * @param graph where to write
 * @param groups groups of both norms
 * @param epsilon of both norms
 * @param activation name of the activation
 * @param scaleShift whether the time embedding scales and shifts the second norm instead of being
 *     added before it
 * @param outputScale what the sum is divided by
 */
record ResnetLayer(
    GraphBuilder graph,
    int groups,
    float epsilon,
    String activation,
    boolean scaleShift,
    float outputScale) {

  /**
   * Writes the block.
   *
   * @param x {@code [batch, in, height, width]}
   * @param activatedTime activated time embedding {@code [batch or 1, timeWidth]}; empty for none
   * @return {@code [batch, out, height, width]}
   */
  String emit(String x, String path, long in, long out, String activatedTime, long timeWidth)
      throws CheckpointException {
    graph.scope(path);
    String h = graph.groupNorm(x, path + ".norm1", in, groups, epsilon);
    h = Activations.apply(graph, activation, h);
    h = graph.conv(h, path + ".conv1", in, out, 3);
    String time = "";
    if (!activatedTime.isEmpty()) {
      long width = scaleShift ? 2 * out : out;
      time = graph.linear(activatedTime, path + ".time_emb_proj", timeWidth, width);
      time = graph.reshape(time, 0, width, 1, 1);
      if (!scaleShift) {
        h = graph.add(h, time);
      }
    }
    h = graph.groupNorm(h, path + ".norm2", out, groups, epsilon);
    if (scaleShift && !time.isEmpty()) {
      String[] parts =
          graph.nodes(
              "Split",
              List.of(time),
              2,
              GraphBuilder.attribute("axis", 1L),
              GraphBuilder.attribute("num_outputs", 2L));
      h = graph.add(graph.multiply(h, graph.add(parts[0], graph.scalar(1))), parts[1]);
    }
    h = Activations.apply(graph, activation, h);
    h = graph.conv(h, path + ".conv2", out, out, 3);
    String shortcut =
        graph.hasWeight(path + ".conv_shortcut.weight")
            ? graph.conv(x, path + ".conv_shortcut", in, out, 1)
            : x;
    return graph.multiply(graph.add(shortcut, h), 1 / outputScale);
  }
}
