package io.github.lcm4j.onnx.graph;

import static io.github.lcm4j.onnx.graph.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A group norm as {@link GraphBuilder#groupNorm} writes it, and how it is done to a picture in
 * strips: mean and variance of the whole, then a scale and a shift of each strip.
 *
 * <p>Both are summed row by row. On 2 million numbers a group that is more accurate than ONNX
 * Runtime's InstanceNormalization (relative errors of 1e-6 and 2e-4) and takes half the time.
 *
 * @param nodes the nodes it stands for
 * @param x what is normalised
 * @param output the result's name
 * @param weight {@code [channels, 1, 1]}
 * @param bias {@code [channels, 1, 1]}
 * @param channels channels of the picture
 */
record StripedNorm(
    List<NodeProto> nodes,
    String x,
    String output,
    String weight,
    String bias,
    long channels,
    long groups,
    float epsilon) {

  /**
   * The norm that begins with a node; null if none does.
   *
   * @param weights the shapes of the network's weights
   */
  static @Nullable StripedNorm beginningWith(
      NodeProto apart, Wiring wiring, Map<String, long[]> weights) {
    NodeProto normal = wiring.next(apart, "Reshape", "InstanceNormalization");
    NodeProto back = wiring.next(normal, "InstanceNormalization", "Reshape");
    NodeProto scale = wiring.next(back, "Reshape", "Mul");
    NodeProto shift = wiring.next(scale, "Mul", "Add");
    if (shift == null) {
      return null;
    }
    TensorProto ones = wiring.constants().get(normal.getInput(1));
    NodeProto shape = wiring.producers().get(back.getInput(1));
    long[] weight = weights.get(scale.getInput(1));
    if (ones == null || shape == null || weight == null || !wiring.isReadOnce(shape.getOutput(0))) {
      return null;
    }
    return new StripedNorm(
        List.of(apart, normal, shape, back, scale, shift),
        apart.getInput(0),
        shift.getOutput(0),
        scale.getInput(1),
        shift.getInput(1),
        weight[0],
        ones.getDims(0),
        NodeAttributes.epsilon(normal));
  }

  /**
   * Writes the norm of all strips of a picture.
   *
   * @param like a value of the same width
   * @param onePicture whether the batch is known to be one
   */
  List<String> write(NodeList graph, List<String> strips, String like, boolean onePicture) {
    String width = graph.shape(like, 3, 4);
    String byRow = graph.concat(List.of(graph.longs(0, groups, -1, 1), width));
    List<String> means = new ArrayList<>();
    List<String> squares = new ArrayList<>();
    for (String strip : strips) {
      String rows = graph.node("Reshape", List.of(strip, byRow));
      means.add(graph.node("ReduceMean", List.of(rows, graph.longs(4))));
      squares.add(graph.contrib("FusedMatMul", List.of(rows, rows), attribute("transB", 1L)));
    }
    String mean = meanOfRows(graph, means);
    String square =
        graph.node(
            "Div",
            List.of(
                meanOfRows(graph, squares),
                graph.node(
                    "Cast",
                    List.of(width),
                    attribute("to", (long) TensorProto.DataType.FLOAT_VALUE))));
    String difference = graph.node("Sub", List.of(square, graph.node("Mul", List.of(mean, mean))));
    String variance = graph.node("Max", List.of(difference, graph.floats("zero", new float[1], 1)));
    String added = graph.floats("epsilon " + epsilon, new float[] {epsilon}, 1);
    String deviation = graph.node("Sqrt", List.of(graph.node("Add", List.of(variance, added))));
    String scale =
        graph.node("Div", List.of(graph.reshape(weight, 1, groups, -1, 1, 1), deviation));
    String moved = graph.node("Mul", List.of(mean, scale));
    String shift = graph.node("Sub", List.of(graph.reshape(bias, 1, groups, -1, 1, 1), moved));
    if (onePicture) {
      // A convolution of each channel by one number reads and writes the picture once, not twice.
      String numbers = graph.reshape(scale, channels, 1, 1, 1);
      String biases = graph.reshape(shift, channels);
      return strips.stream()
          .map(
              strip ->
                  graph.node(
                      "Conv",
                      List.of(strip, numbers, biases),
                      attribute("kernel_shape", 1, 1),
                      attribute("group", channels)))
          .toList();
    }
    String scales = perChannel(graph, scale);
    String shifts = perChannel(graph, shift);
    return strips.stream()
        .map(strip -> graph.node("Mul", List.of(strip, scales)))
        .map(scaled -> graph.node("Add", List.of(scaled, shifts)))
        .toList();
  }

  /** {@code [batch, groups, 1, 1, 1]}. */
  private static String meanOfRows(NodeList graph, List<String> strips) {
    String rows = graph.node("Concat", strips, attribute("axis", 2L));
    return graph.node("ReduceMean", List.of(rows, graph.longs(2)));
  }

  /** From {@code [batch, groups, channels of a group, 1, 1]}. */
  private static String perChannel(NodeList graph, String x) {
    return graph.node(
        "Reshape", List.of(x, graph.concat(List.of(graph.shape(x, 0, 1), graph.longs(-1, 1, 1)))));
  }
}
