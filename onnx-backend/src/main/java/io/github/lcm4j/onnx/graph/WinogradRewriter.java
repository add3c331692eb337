package io.github.lcm4j.onnx.graph;

import static io.github.lcm4j.onnx.graph.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.github.lcm4j.onnx.graph.NetworkGraph.TransformedFilter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Replaces 3×3 convolutions of stride 1 by {@link Winograd} subgraphs where that pays on a CPU.
 * ONNX Runtime's CPU kernels multiply matrices near the machine's limit and know no minimal
 * filtering; on one core of a Zen 3, 640 channels of 32×32 took 28 ms where the convolution took
 * 99.
 *
 * <p>The extents stay free: the last tiles reach over the edge and are cut off. Every value keeps
 * its name, so nothing else in the graph changes.
 */
final class WinogradRewriter {
  /** Below this side the transformed filters are only read, and there is nothing to save. */
  private static final int F2_SIDE = 16;

  /** What a strip may take between the transforms. */
  private static final double STRIP_BYTES = 64 << 20;

  /** Each strip is some thirty nodes, which take their time when a session is created. */
  private static final int MAX_STRIPS = 8;

  private final NetworkGraph network;
  private final CpuGraph.Limits limits;
  private final Map<String, Extent> extents = new HashMap<>();
  private final Map<String, long[]> weights;
  private final Map<String, TransformedFilter> filters = new LinkedHashMap<>();
  private final NodeList graph = new NodeList("winograd");

  /**
   * What is known of the height and width of a value.
   *
   * @param side how large they usually are; 0 for a value that does not stem from a picture
   * @param multiple a number that divides both, whatever the input's are
   */
  private record Extent(int side, int multiple) {
    static final Extent NONE = new Extent(0, 1);
  }

  private WinogradRewriter(NetworkGraph network, CpuGraph.Limits limits) {
    this.network = network;
    this.limits = limits;
    this.weights = new LinkedHashMap<>(network.weights());
  }

  /**
   * Rewrites a network.
   *
   * @param network a graph without weights
   * @param side height and width its first input of four axes usually has
   * @param limits where it pays
   * @return the same function in fewer multiplications
   */
  static NetworkGraph rewrite(NetworkGraph network, int side, CpuGraph.Limits limits) {
    return new WinogradRewriter(network, limits).rewrite(side);
  }

  private NetworkGraph rewrite(int side) {
    GraphProto original = network.model().getGraph();
    for (ValueInfoProto input : original.getInputList()) {
      if (input.getType().getTensorType().getShape().getDimCount() == 4) {
        extents.put(input.getName(), new Extent(side, 1));
        break;
      }
    }
    for (NodeProto node : original.getNodeList()) {
      Extent extent = extentOf(node);
      Winograd form = node.getOpType().equals("Conv") ? form(node, extent.side()) : null;
      if (form == null) {
        graph.keep(node);
      } else {
        replace(node, form, extent);
      }
      Extent behind = extentBehind(node, extent);
      node.getOutputList().forEach(output -> extents.put(output, behind));
    }
    Set<String> read = graph.read(); // a weight may have other users than convolutions
    filters.values().stream()
        .map(TransformedFilter::tensor)
        .filter(name -> !read.contains(name))
        .forEach(weights::remove);
    return new NetworkGraph(graph.in(network.model()), weights, filters, network.type());
  }

  /** Of the first input that stems from a picture. */
  private Extent extentOf(NodeProto node) {
    for (String input : node.getInputList()) {
      Extent extent = extents.getOrDefault(input, Extent.NONE);
      if (extent.side() > 0) {
        return extent;
      }
    }
    return Extent.NONE;
  }

  private static Extent extentBehind(NodeProto node, Extent extent) {
    return switch (node.getOpType()) {
      case "Resize" -> {
        boolean doubles = !node.getInput(2).isEmpty(); // otherwise it is to any size
        yield new Extent(2 * extent.side(), doubles ? 2 * extent.multiple() : 1);
      }
      case "Conv" -> {
        long stride = ints(node, "strides", 1, 1)[0];
        yield stride == 1 ? extent : new Extent((int) ((extent.side() + stride - 1) / stride), 1);
      }
      default -> extent;
    };
  }

  private @Nullable Winograd form(NodeProto node, int side) {
    long[] shape = weights.get(node.getInput(1));
    if (side < F2_SIDE || shape == null || Math.min(shape[0], shape[1]) < limits.minChannels()) {
      return null;
    }
    boolean fits =
        Arrays.equals(Arrays.copyOfRange(shape, 2, shape.length), new long[] {3, 3})
            && Arrays.equals(ints(node, "strides", 1, 1), new long[] {1, 1})
            && Arrays.equals(ints(node, "pads", 0, 0, 0, 0), new long[] {1, 1, 1, 1})
            && Arrays.equals(ints(node, "dilations", 1, 1), new long[] {1, 1})
            && node.getAttributeList().stream().noneMatch(a -> a.getName().equals("group"));
    if (!fits) {
      return null;
    }
    return side >= limits.f4Side() ? Winograd.F4 : Winograd.F2;
  }

  private static long[] ints(NodeProto node, String name, long... ifAbsent) {
    for (AttributeProto attribute : node.getAttributeList()) {
      if (attribute.getName().equals(name)) {
        return attribute.getIntsList().stream().mapToLong(Long::longValue).toArray();
      }
    }
    return ifAbsent;
  }

  private void replace(NodeProto node, Winograd form, Extent extent) {
    graph.replacing(node);
    String x = node.getInput(0);
    String weight = node.getInput(1);
    long[] shape = weights.get(weight);
    long out = shape[0];
    long in = shape[1];
    String filter = weight + ".winograd" + form.tile();
    filters.put(filter, new TransformedFilter(weight, form));

    String bias =
        node.getInputCount() > 2
            ? graph.reshape(node.getInput(2), -1, 1, 1)
            : graph.floats("zero", new float[1], 1);
    Filters own = new Filters(form, filter, bias, in, out);
    int strips = strips(form, in, out, extent.side());
    String y =
        strips == 1
            ? whole(x, own, extent.multiple() % form.tile() == 0)
            : inStrips(x, own, strips);
    graph.name(y, node.getOutput(0));
  }

  /**
   * One convolution's.
   *
   * @param name the transformed filters' name in the graph
   * @param bias {@code [out, 1, 1]} or one number
   */
  private record Filters(Winograd form, String name, String bias, long in, long out) {}

  /** How many strips keep the transformed values of a usual picture within the caches. */
  private static int strips(Winograd form, long in, long out, int side) {
    double growth = (double) form.patch() * form.patch() / (form.tile() * form.tile());
    double bytes = growth * (in + out) * side * side * Float.BYTES;
    // A power of two, as usual sides are made of: then no strip reaches far over the edge.
    return Math.min(MAX_STRIPS, Integer.highestOneBit((int) Math.ceil(bytes / STRIP_BYTES)));
  }

  private String whole(String x, Filters filters, boolean even) {
    String y = tiles(x, filters, 1);
    if (!even) {
      String size = graph.shape(x, 2, 4);
      y = graph.node("Slice", List.of(y, graph.longs(0, 0), size, graph.longs(2, 3)));
    }
    return graph.node("Add", List.of(y, filters.bias()));
  }

  /** The same, some rows of tiles at a time: what lies between the transforms is large. */
  private String inStrips(String x, Filters filters, int strips) {
    long tile = filters.form().tile();
    String height = graph.shape(x, 2, 3);
    String width = graph.shape(x, 3, 4);
    // Rows of a strip: a multiple of the tile, and all strips together at least the height.
    String rows = graph.node("Add", List.of(height, graph.longs(tile * strips - 1)));
    rows = graph.node("Div", List.of(rows, graph.longs(tile * strips)));
    rows = graph.node("Mul", List.of(rows, graph.longs(tile)));
    List<String> parts = new ArrayList<>();
    for (int strip = 0; strip < strips; strip++) {
      String start = graph.node("Mul", List.of(rows, graph.longs(strip)));
      // One row more above and below, zeros where the picture has none.
      long above = strip == 0 ? 0 : 1;
      String from = graph.node("Sub", List.of(start, graph.longs(above)));
      String to =
          graph.node("Add", List.of(graph.node("Add", List.of(start, rows)), graph.longs(1)));
      String slice = graph.node("Slice", List.of(x, from, to, graph.longs(2)));
      String there = graph.node("Add", List.of(graph.shape(slice, 2, 3), graph.longs(1 - above)));
      String missing =
          graph.node("Sub", List.of(graph.node("Add", List.of(rows, graph.longs(2))), there));
      String pads =
          graph.concat(List.of(graph.longs(0, 0, 1 - above, 0, 0, 0), missing, graph.longs(0)));
      String part = tiles(graph.node("Pad", List.of(slice, pads)), filters, 0);
      String left =
          graph.node("Max", List.of(graph.node("Sub", List.of(height, start)), graph.longs(0)));
      part =
          graph.node(
              "Slice",
              List.of(
                  part, graph.longs(0, 0), graph.concat(List.of(left, width)), graph.longs(2, 3)));
      parts.add(graph.node("Add", List.of(part, filters.bias())));
    }
    return graph.node("Concat", parts, attribute("axis", 2L));
  }

  /**
   * Whole tiles, without the bias; they may reach over the right and lower edge.
   *
   * @param x {@code [batch, in, height, width]}
   * @param pad rows of zeros above and below; the columns to the left and right are always there
   */
  private String tiles(String x, Filters filters, int pad) {
    Winograd form = filters.form();
    long tile = form.tile();
    long patch = form.patch();
    // To the input transform every channel is a picture of its own. Channels before the batch: in
    // that order the matrix product can read the transformed patches where they lie.
    String apart = graph.node("Transpose", List.of(x), attribute("perm", 1, 0, 2, 3));
    apart = graph.reshape(apart, -1, 1, 0, 0);
    String transform =
        graph.floats(form + ".in", form.inputTransform(), patch * patch, 1, patch, patch);
    String patches =
        graph.node(
            "Conv",
            List.of(apart, transform),
            attribute("kernel_shape", patch, patch),
            attribute("strides", tile, tile),
            attribute("pads", pad, 1, pad * tile, tile));
    String batch = graph.shape(x, 0, 1);
    String split =
        graph.concat(List.of(graph.longs(filters.in()), batch, graph.longs(patch * patch, -1)));
    String products =
        graph.contrib(
            "FusedMatMul",
            List.of(filters.name(), graph.node("Reshape", List.of(patches, split))),
            attribute("transBatchB", 1L));
    String places = graph.reshape(products, 0, patch * patch, -1);
    String back = graph.floats(form + ".out", form.outputTransform(), tile * tile, patch * patch);
    String results = graph.node("MatMul", List.of(back, places));
    String extents = graph.shape(patches, 2, 4);
    String shape = graph.concat(List.of(graph.longs(0, tile * tile * filters.out()), extents));
    return graph.node(
        "DepthToSpace",
        List.of(graph.node("Reshape", List.of(results, shape))),
        attribute("blocksize", tile));
  }
}
