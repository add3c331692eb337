package io.github.lcm4j.onnx.graph;

import static io.github.lcm4j.onnx.graph.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
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
 * <p>What lies between the transforms is more than twice as large as the pictures. Where that is
 * much, pictures are computed in {@link Strips}, and whatever works on every pixel by itself works
 * on the strips, too: most of it stays in the caches, and no value is as large as a picture.
 *
 * <p>All other values keep their names, so nothing else in the graph changes.
 */
final class WinogradRewriter {
  /** Below this side the filters are only read, and there is nothing to save. */
  private static final int F2_SIDE = 16;

  /** From here on pictures are large enough for the transform to larger filters to pay. */
  private static final int F4_SIDE = 32;

  private static final long INT32 = TensorProto.DataType.INT32_VALUE;
  private static final long BOOL = TensorProto.DataType.BOOL_VALUE;
  private static final Set<String> PER_PIXEL = Set.of("QuickGelu", "Gelu", "Relu");

  private final NetworkGraph network;
  private final CpuGraph.Limits limits;
  private final PictureExtents extents;
  private final Wiring wiring;
  private final Map<String, long[]> weights;
  private final Map<String, WeightRows> rows;
  private final NodeList graph = new NodeList("winograd");
  private final Strips strips;

  private WinogradRewriter(NetworkGraph network, int side, CpuGraph.Limits limits) {
    this.network = network;
    this.limits = limits;
    this.weights = new LinkedHashMap<>(network.weights());
    this.rows = new LinkedHashMap<>(network.rows());
    this.wiring = Wiring.of(network.model().getGraph());
    this.extents = new PictureExtents(network.model().getGraph(), wiring, side);
    this.strips = new Strips(graph, extents, limits.strips());
  }

  /**
   * A rewritten network.
   *
   * @param network the same function in fewer multiplications
   * @param minSide the least height of the input that it can be computed of; 0 if there is none
   */
  record Result(NetworkGraph network, int minSide) {}

  /**
   * Rewrites a network.
   *
   * @param network a graph without weights
   * @param side height and width its first input of four axes usually has
   * @param limits where it pays
   */
  static Result rewrite(NetworkGraph network, int side, CpuGraph.Limits limits) {
    return new WinogradRewriter(network, side, limits).rewrite();
  }

  private Result rewrite() {
    Set<NodeProto> done = new HashSet<>();
    for (NodeProto node : network.model().getGraph().getNodeList()) {
      NodeProto resize = wiring.next(node, "Resize", "Conv");
      if (resize != null && form(resize) == Winograd.UPSAMPLED) {
        done.add(node);
      }
    }
    for (NodeProto node : network.model().getGraph().getNodeList()) {
      if (done.contains(node)) {
        continue;
      }
      graph.replacing(node);
      StripedNorm norm = StripedNorm.beginningWith(node, wiring, network.weights());
      Winograd form = form(node);
      if (form != null) {
        convolve(node, form);
      } else if (norm != null && strips.has(norm.x())) {
        strips.put(
            norm.output(),
            norm.write(graph, strips.of(norm.x()), strips.anyLike(norm.x()), extents.onePicture()));
        done.addAll(norm.nodes());
      } else if (node.getInputList().stream().anyMatch(strips::has)) {
        keepInStrips(node);
      } else {
        graph.keep(node);
      }
    }
    return new Result(
        new NetworkGraph(graph.in(network.model()), weights, rows, network.type()),
        strips.minSide());
  }

  /** The tiles a convolution is computed in; null if it stays as it is. */
  private @Nullable Winograd form(NodeProto node) {
    if (!isPlain3x3(node)) {
      return null;
    }
    String x = node.getInput(0);
    if (extents.of(x).side() < F2_SIDE) {
      return null;
    }
    NodeProto resize = wiring.behind(x, "Resize");
    if (resize != null && (extents.factor(resize) == 2 || isDoubled(resize, node))) {
      return Winograd.UPSAMPLED;
    }
    return plainForm(x);
  }

  private Winograd plainForm(String x) {
    return extents.of(x).side() >= F4_SIDE ? Winograd.F4 : Winograd.F2;
  }

  /** Whether a picture is resized to a given size that usually is twice its own. */
  private boolean isDoubled(NodeProto resize, NodeProto convolution) {
    String resized = resize.getOutput(0);
    return extents.factor(resize) == 0
        && resize.getInputCount() == 4
        && !isLarge(plainForm(resized), channels(convolution), extents.of(resized).side());
  }

  private boolean isPlain3x3(NodeProto node) {
    if (!node.getOpType().equals("Conv")) {
      return false;
    }
    long[] shape = network.weights().get(node.getInput(1));
    return shape != null
        && wiring.isReadOnce(node.getInput(1))
        && Math.min(shape[0], shape[1]) >= limits.minChannels()
        && Arrays.equals(Arrays.copyOfRange(shape, 2, shape.length), new long[] {3, 3})
        && PictureExtents.sameSizePad(node) == 1;
  }

  private void convolve(NodeProto node, Winograd form) {
    String x = node.getInput(0);
    boolean upsampled = form == Winograd.UPSAMPLED;
    if (upsampled) {
      NodeProto resize = wiring.producers().get(x);
      x = resize.getInput(0);
      if (extents.factor(resize) == 0) {
        convolveDoubled(node, resize);
        return;
      }
    }
    WinogradNodes nodes = nodes(graph, node, form, filters(node));
    boolean even = extents.of(x).multiple() % form.stride() == 0;
    String output = node.getOutput(0);
    if (!strips.has(x) && !isLarge(form, channels(node), extents.of(x).side())) {
      String y = nodes.tiles(x, strips.anyLike(x), 1, form.stride());
      graph.name(even ? y : trimmed(graph, y, x, form), output);
      return;
    }
    List<String> parts = strips.cut(x);
    List<String> results = new ArrayList<>();
    for (int i = 0; i < parts.size(); i++) {
      boolean last = i == parts.size() - 1;
      String y =
          nodes.tiles(
              strips.withNeighbours(parts, i, 1),
              strips.anyLike(x),
              i == 0 ? 1 : 0,
              last ? form.stride() : 0);
      results.add(even ? y : trimmed(graph, y, parts.get(i), form));
    }
    strips.put(output, results);
    if (upsampled) {
      strips.doubleBorders(x, output);
    }
  }

  /**
   * Convolves a picture before it is resized, if that is to exactly twice its size when it runs.
   */
  private void convolveDoubled(NodeProto node, NodeProto resize) {
    String x = resize.getInput(0);
    strips.join(x);
    String sizes = resize.getInput(3);
    String like = strips.anyLike(x);
    // Whole tiles, too: extents that are even.
    String half = graph.node("Div", List.of(graph.shape(like, 2, 4), graph.longs(2)));
    String equal =
        graph.node(
            "Equal",
            List.of(
                graph.node("Mul", List.of(half, graph.longs(4))),
                graph.node("Slice", List.of(sizes, graph.longs(2), graph.longs(4)))));
    String both =
        graph.node(
            "ReduceMin",
            List.of(graph.node("Cast", List.of(equal), attribute("to", INT32))),
            attribute("keepdims", 0L));
    String isDoubled = graph.node("Cast", List.of(both), attribute("to", BOOL));

    Winograd plain = plainForm(node.getInput(0));
    List<String> filters = filters(node);
    NodeList before = graph.branch("before");
    String early =
        nodes(before, node, Winograd.UPSAMPLED, filters)
            .tiles(x, like, 1, Winograd.UPSAMPLED.stride());
    NodeList after = graph.branch("after");
    String resized = after.like(resize, resize.getInputList());
    String late = nodes(after, node, plain, filters).tiles(resized, resized, 1, plain.stride());
    late = trimmed(after, late, resized, plain);
    graph.name(graph.either(isDoubled, before, early, after, late), node.getOutput(0));
  }

  private WinogradNodes nodes(
      NodeList target, NodeProto convolution, Winograd form, List<String> filters) {
    long[] shape = network.weights().get(convolution.getInput(1));
    String bias =
        convolution.getInputCount() > 2
            ? target.reshape(convolution.getInput(2), -1, 1, 1)
            : target.floats("zero", new float[1], 1);
    return WinogradNodes.of(
        target,
        form,
        shape[1],
        shape[0],
        extents.onePicture(),
        extents.of(convolution.getOutput(0)).side(),
        filters,
        bias);
  }

  /** Input and output channels of a convolution together. */
  private long channels(NodeProto convolution) {
    long[] shape = network.weights().get(convolution.getInput(1));
    return shape[0] + shape[1];
  }

  /** Declares a weight in the parts in which it is transformed, as {@code [out × in, 9]}. */
  private List<String> filters(NodeProto convolution) {
    int places = plainForm(convolution.getInput(0)).places();
    if (wiring.behind(convolution.getInput(0), "Resize") != null) {
      // Whichever form is chosen: the same network in strips shares the weights.
      places = Math.max(places, Winograd.UPSAMPLED.places());
    }
    String weight = convolution.getInput(1);
    long[] shape = network.weights().get(weight);
    long bytes = shape[0] * shape[1] * places * Float.BYTES;
    long count = Math.min(shape[0], (bytes - 1) / limits.filterBytes() + 1);
    while (shape[0] % count != 0) {
      count++;
    }
    int each = (int) (shape[0] / count);
    long[] partShape = WinogradNodes.weightShape(each, shape[1]);
    if (count == 1) {
      weights.put(weight, partShape);
      return List.of(weight);
    }
    return WeightRows.split(weight, (int) count, each, partShape, weights, rows);
  }

  /** Cuts off what reaches over the edge of the picture that was convolved. */
  private static String trimmed(NodeList graph, String y, String x, Winograd form) {
    String extents = graph.shape(x, 2, 4);
    if (form.scale() > 1) {
      extents = graph.node("Mul", List.of(extents, graph.longs(form.scale())));
    }
    return graph.node("Slice", List.of(y, graph.longs(0, 0), extents, graph.longs(2, 3)));
  }

  private boolean isLarge(Winograd form, long channels, int side) {
    double tiles = Math.pow((double) side / form.stride(), 2);
    return tiles * form.places() * channels * Float.BYTES > limits.maxBytes();
  }

  /** Does to each strip what a node does to the picture, if that is possible. */
  private void keepInStrips(NodeProto node) {
    long pad = node.getOpType().equals("Conv") ? PictureExtents.sameSizePad(node) : -1;
    if (pad >= 0) {
      strips.put(node.getOutput(0), convolvePlainly(node, pad));
    } else if (isPerPixel(node)) {
      strips.put(node.getOutput(0), perPixel(node));
    } else {
      node.getInputList().forEach(strips::join);
      graph.keep(node);
    }
  }

  private List<String> convolvePlainly(NodeProto node, long pad) {
    List<String> parts = strips.of(node.getInput(0));
    List<String> results = new ArrayList<>();
    for (int i = 0; i < parts.size(); i++) {
      List<AttributeProto> attributes =
          new ArrayList<>(
              node.getAttributeList().stream().filter(a -> !a.getName().equals("pads")).toList());
      long above = i == 0 ? pad : 0;
      long below = i == parts.size() - 1 ? pad : 0;
      attributes.add(attribute("pads", above, pad, below, pad));
      List<String> inputs = new ArrayList<>(node.getInputList());
      inputs.set(0, strips.withNeighbours(parts, i, pad));
      results.add(graph.like(node, inputs, attributes));
    }
    return results;
  }

  /** Whether a node does the same to every pixel of pictures of one size. */
  private boolean isPerPixel(NodeProto node) {
    return switch (node.getOpType()) {
      case "Add", "Mul" ->
          node.getInputList().stream()
                  .filter(input -> !isPerChannel(input))
                  .map(input -> extents.of(input).like())
                  .distinct()
                  .count()
              == 1;
      default -> PER_PIXEL.contains(node.getOpType());
    };
  }

  /** Whether a value is one number, or one for each channel and picture of a batch. */
  private boolean isPerChannel(String value) {
    TensorProto constant = wiring.constants().get(value);
    if (constant != null) {
      return constant.getDimsList().stream().allMatch(extent -> extent == 1);
    }
    long[] shape = network.weights().get(value);
    if (shape != null) {
      return shape.length == 3 && shape[1] == 1 && shape[2] == 1;
    }
    NodeProto node = wiring.producers().get(value);
    TensorProto to =
        node != null && node.getOpType().equals("Reshape")
            ? wiring.constants().get(node.getInput(1))
            : null;
    if (to == null || to.getDims(0) != 4) {
      return false;
    }
    long[] extent = PictureExtents.longs(to);
    return extent[2] == 1 && extent[3] == 1;
  }

  private List<String> perPixel(NodeProto node) {
    List<List<String>> inputs =
        node.getInputList().stream()
            .map(input -> isPerChannel(input) ? List.<String>of() : strips.cut(input))
            .toList();
    List<String> results = new ArrayList<>();
    int count = inputs.stream().mapToInt(List::size).max().orElseThrow();
    for (int i = 0; i < count; i++) {
      List<String> own = new ArrayList<>(node.getInputList());
      for (int input = 0; input < own.size(); input++) {
        if (!inputs.get(input).isEmpty()) {
          own.set(input, inputs.get(input).get(i));
        }
      }
      results.add(graph.like(node, own));
    }
    return results;
  }
}
