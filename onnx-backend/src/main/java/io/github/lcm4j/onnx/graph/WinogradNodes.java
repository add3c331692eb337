package io.github.lcm4j.onnx.graph;

import static io.github.lcm4j.onnx.graph.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import java.util.List;

/**
 * Writes one convolution as {@link Winograd} has it. The extents stay free: the last tiles reach
 * over the edge.
 *
 * @param graph where to write
 * @param form the tiles
 * @param in input channels
 * @param out output channels
 * @param onePicture whether the batch is known to be one
 * @param side height and width that the result usually has
 * @param filters the filters transformed, {@code [1, places, out, in]}, in equal parts of the
 *     output channels
 * @param bias {@code [out, 1, 1]}, or one number
 */
record WinogradNodes(
    NodeList graph,
    Winograd form,
    long in,
    long out,
    boolean onePicture,
    int side,
    List<String> filters,
    String bias) {
  private static final int TAPS = 9;

  /** From this length on, rows are moved by several threads. */
  private static final int LONG_ROW = 128;

  /** The shape in which {@link #of} takes the weight: a node to reshape it would copy it. */
  static long[] weightShape(long out, long in) {
    return new long[] {out * in, TAPS};
  }

  /**
   * Transforms the filters where the graph runs. Kept transformed they would take up to four times
   * the memory, and their time whenever a pipeline is made.
   *
   * @param weights {@code [out × in, 9]} in equal parts
   */
  static WinogradNodes of(
      NodeList graph,
      Winograd form,
      long in,
      long out,
      boolean onePicture,
      int side,
      List<String> weights,
      String bias) {
    String transform =
        graph.unfolded(form + ".filter", form.filterTransform(), form.places(), TAPS);
    List<String> filters =
        weights.stream()
            .map(
                weight ->
                    graph.contrib(
                        "FusedMatMul", List.of(transform, weight), attribute("transB", 1L)))
            .map(part -> graph.reshape(part, 1, form.places(), out / weights.size(), in))
            .toList();
    return new WinogradNodes(graph, form, in, out, onePicture, side, filters, bias);
  }

  /**
   * Writes the convolution of a picture or of a strip.
   *
   * @param x {@code [batch, in, height, width]}
   * @param like a value of the same width
   * @param above rows of zeros to add above
   * @param below rows of zeros to add below
   * @return {@code [batch, out, rows, columns]} in whole tiles
   */
  String tiles(String x, String like, long above, long below) {
    long stride = form.stride();
    long patch = form.patch();
    String width = graph.shape(like, 3, 4);
    // To the input transform every channel is a picture of its own. Channels before the batch: in
    // that order the matrix product can read the transformed patches where they lie.
    String apart =
        onePicture
            ? graph.node(
                "Reshape", List.of(x, graph.concat(List.of(graph.longs(in, 1, -1), width))))
            : graph.reshape(
                graph.node("Transpose", List.of(x), attribute("perm", 1, 0, 2, 3)), -1, 1, 0, 0);
    String transform =
        graph.floats(form + ".in", form.inputTransform(), form.places(), 1, patch, patch);
    String patches =
        graph.node(
            "Conv",
            List.of(apart, transform),
            attribute("kernel_shape", patch, patch),
            attribute("strides", stride, stride),
            attribute("pads", above, 1, below, stride));
    String byPlace =
        onePicture
            ? graph.reshape(patches, in, 1, form.places(), -1)
            : graph.node(
                "Reshape",
                List.of(
                    patches,
                    graph.concat(
                        List.of(
                            graph.longs(in),
                            graph.shape(like, 0, 1),
                            graph.longs(form.places(), -1)))));
    List<String> parts = filters.stream().map(part -> outputs(part, byPlace, width)).toList();
    String y =
        parts.size() == 1 ? parts.get(0) : graph.node("Concat", parts, attribute("axis", 1L));
    return graph.node("Add", List.of(y, bias));
  }

  /** Some of the output channels. */
  private String outputs(String filters, String byPlace, String width) {
    long stride = form.stride();
    long tile = form.tile();
    String products =
        graph.contrib("FusedMatMul", List.of(filters, byPlace), attribute("transBatchB", 1L));
    String back = graph.floats(form + ".out", form.outputTransform(), tile * tile, form.places());
    String results =
        graph.node("MatMul", List.of(back, graph.reshape(products, 0, form.places(), -1)));
    // From [batch, tile, tile, out × rows × columns] by two transpositions that ONNX Runtime has
    // fast code for, columns first: together they take half of DepthToSpace's time.
    String columns =
        graph.node(
            "Transpose",
            List.of(graph.reshape(results, 0, tile, tile, -1)),
            attribute("perm", 0, 1, 3, 2));
    String line = graph.node("Add", List.of(width, graph.longs(stride - 1)));
    line = graph.node("Div", List.of(line, graph.longs(stride)));
    line = graph.node("Mul", List.of(line, graph.longs(tile)));
    // An axis is moved inwards by one thread, and outwards by several, which pays for long rows.
    boolean outwards = side >= LONG_ROW;
    String extents = outwards ? graph.longs(0, tile, -1) : graph.longs(0, tile, -1, 1);
    String lines = graph.node("Reshape", List.of(columns, graph.concat(List.of(extents, line))));
    AttributeProto order =
        outwards ? attribute("perm", 0, 2, 1, 3) : attribute("perm", 0, 2, 3, 1, 4);
    String rows = graph.node("Transpose", List.of(lines), order);
    long channels = out / this.filters.size();
    return graph.node(
        "Reshape", List.of(rows, graph.concat(List.of(graph.longs(0, channels, -1), line))));
  }
}
