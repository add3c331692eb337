package io.github.lcm4j.onnx.export;

import ai.onnx.proto.OnnxMl.NodeProto;
import io.github.lcm4j.onnx.export.GraphModule.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Finds the nodes that take parameters and what each computes, whatever they are called: Conv, Gemm
 * with either {@code transB}, MatMul and the Add of its bias, Gather, and the normalisations whole
 * or in the pieces older operator sets write them in.
 */
final class ModuleScanner {
  private final OnnxGraph graph;
  private final List<GraphModule> modules = new ArrayList<>();
  private final List<String> obstacles = new ArrayList<>();
  private final Set<String> embeddings = new HashSet<>();

  /** Values computed from constants alone. */
  private final Set<String> derived = new HashSet<>();

  private ModuleScanner(OnnxGraph graph) {
    this.graph = graph;
  }

  /**
   * What a graph is made of.
   *
   * @param modules in the order of the graph
   * @param obstacles nodes whose weights cannot be told from each other or were changed: why, each
   *     as a sentence for a message
   */
  record Result(List<GraphModule> modules, List<String> obstacles) {}

  static Result scan(OnnxGraph graph) {
    ModuleScanner scanner = new ModuleScanner(graph);
    for (int node = 0; node < graph.nodeCount(); node++) {
      scanner.scan(node);
    }
    return new Result(List.copyOf(scanner.modules), List.copyOf(scanner.obstacles));
  }

  private void scan(int node) {
    if (graph.node(node).getInputList().stream().allMatch(this::isDerived)) {
      derived.addAll(graph.node(node).getOutputList());
    }
    if (!graph.isStandard(node)) {
      requireNoWeights(node, "was fused");
      return;
    }
    switch (graph.node(node).getOpType()) {
      case "Conv" -> convolution(node);
      case "Gemm" -> gemm(node);
      case "MatMul" -> matMul(node);
      case "Gather" -> embedding(node);
      case "Add" -> foldedPositions(node);
      case "Mul" -> affine(node);
      case "LayerNormalization" -> normalization(node, Kind.LAYER_NORM);
      case "GroupNormalization" -> normalization(node, Kind.GROUP_NORM);
      case "DequantizeLinear", "MatMulInteger", "ConvInteger", "QLinearMatMul", "QLinearConv" ->
          requireNoWeights(node, "was quantised");
      default -> {}
    }
  }

  private void requireNoWeights(int node, String why) {
    NodeProto proto = graph.node(node);
    for (String input : proto.getInputList()) {
      ConstantPath path = ConstantPath.of(graph, input);
      if (path != null && path.source().elementCount() > 1) {
        obstacles.add(
            "node %s of type %s holds %s%s, which %s"
                .formatted(
                    name(node),
                    proto.getDomain().isEmpty()
                        ? proto.getOpType()
                        : proto.getDomain() + "." + proto.getOpType(),
                    path.source().name(),
                    Arrays.toString(path.source().dims()),
                    why));
        return;
      }
    }
  }

  private void convolution(int node) {
    ConstantPath weight = weightPath(node, 1);
    if (weight == null) {
      return;
    }
    long[] shape = weight.state().shape();
    ConstantPath bias = ConstantPath.of(graph, graph.input(node, 2));
    add(
        Kind.CONVOLUTION,
        node,
        graph.input(node, 0),
        List.of(output(node)),
        shape == null ? null : new WeightSite(node, 1, weight, false, shape),
        bias == null ? null : vector(node, 2, bias));
  }

  private void gemm(int node) {
    ConstantPath weight = weightPath(node, 1);
    if (weight == null) {
      return;
    }
    ConstantPath bias = ConstantPath.of(graph, graph.input(node, 2));
    if (graph.floatAttribute(node, "alpha", 1) != 1
        || (bias != null && graph.floatAttribute(node, "beta", 1) != 1)
        || graph.intAttribute(node, "transA", 0) != 0) {
      obstacles.add(
          "node %s of type Gemm scales or transposes what a Linear module would not"
              .formatted(name(node)));
      return;
    }
    add(
        Kind.LINEAR,
        node,
        graph.input(node, 0),
        List.of(output(node)),
        matrix(node, weight, graph.intAttribute(node, "transB", 0) == 0),
        bias == null ? null : vector(node, 2, bias));
  }

  private void matMul(int node) {
    ConstantPath weight = weightPath(node, 1);
    if (weight == null) {
      return;
    }
    WeightSite matrix = matrix(node, weight, true);
    String product = output(node);
    if (matrix != null) {
      for (OnnxGraph.Use use : graph.uses(product)) {
        ConstantPath bias = addend(use, matrix.torchShape()[0]);
        if (bias != null) {
          add(
              Kind.LINEAR,
              node,
              graph.input(node, 0),
              List.of(output(use.node()), product),
              matrix,
              vector(use.node(), 1 - use.input(), bias));
          return;
        }
      }
    }
    add(Kind.LINEAR, node, graph.input(node, 0), List.of(product), matrix, null);
  }

  private void embedding(int node) {
    ConstantPath table = ConstantPath.of(graph, graph.input(node, 0));
    if (table == null
        || !table.source().isFloating()
        || table.state().shape() == null
        || table.state().shape().length != 2) {
      return;
    }
    embeddings.add(output(node));
    add(
        Kind.EMBEDDING,
        node,
        graph.input(node, 1),
        List.of(output(node)),
        new WeightSite(node, 0, table, false, table.state().shape()),
        null);
  }

  /** Position embeddings that an exporter looked up itself, for one length of text. */
  private void foldedPositions(int node) {
    for (int input = 0; input < 2; input++) {
      ConstantPath table = ConstantPath.of(graph, graph.input(node, input));
      if (table != null
          && embeddings.contains(graph.input(node, 1 - input))
          && table.state().shape() != null
          && table.state().shape().length >= 2) {
        long[] shape = table.state().shape();
        long width = shape[shape.length - 1];
        long[] torchShape = {table.source().elementCount() / width, width};
        add(
            Kind.EMBEDDING,
            node,
            graph.input(node, 1 - input),
            List.of(output(node)),
            new WeightSite(node, input, table, false, torchShape),
            null);
        return;
      }
    }
  }

  private void normalization(int node, Kind kind) {
    ConstantPath weight = ConstantPath.of(graph, graph.input(node, 1));
    ConstantPath bias = ConstantPath.of(graph, graph.input(node, 2));
    if (weight != null) {
      add(
          kind,
          node,
          graph.input(node, 0),
          List.of(output(node)),
          vector(node, 1, weight),
          bias == null ? null : vector(node, 2, bias));
    }
  }

  /** The weight and bias behind a normalisation written in pieces. */
  private void affine(int node) {
    for (int input = 0; input < 2; input++) {
      ConstantPath weight = ConstantPath.of(graph, graph.input(node, input));
      if (weight == null || weight.source().elementCount() < 2) {
        continue;
      }
      for (OnnxGraph.Use use : graph.uses(output(node))) {
        ConstantPath bias = addend(use, weight.source().elementCount());
        if (bias != null) {
          normalizationInput(node, graph.input(node, 1 - input), weight, input, use, bias);
          return;
        }
      }
    }
  }

  /** The constant of so many elements that is added to a value where it is used, or null. */
  private @Nullable ConstantPath addend(OnnxGraph.Use use, long elements) {
    ConstantPath path =
        graph.is(use.node(), "Add")
            ? ConstantPath.of(graph, graph.input(use.node(), 1 - use.input()))
            : null;
    return path == null || path.source().elementCount() != elements ? null : path;
  }

  private void normalizationInput(
      int node,
      String normalized,
      ConstantPath weight,
      int input,
      OnnxGraph.Use add,
      ConstantPath bias) {
    int last = graph.producer(uncast(normalized));
    Kind kind;
    String value;
    if (graph.is(last, "Reshape")
        && graph.is(graph.producer(uncast(graph.input(last, 0))), "InstanceNormalization")) {
      // GroupNorm: groups become channels, are normalised one by one, and become channels again.
      int instance = graph.producer(uncast(graph.input(last, 0)));
      int grouping = graph.producer(uncast(graph.input(instance, 0)));
      kind = Kind.GROUP_NORM;
      value = graph.is(grouping, "Reshape") ? graph.input(grouping, 0) : graph.input(instance, 0);
    } else if (graph.is(last, "Div")
        && graph.is(graph.producer(uncast(graph.input(last, 0))), "Sub")) {
      // LayerNorm: (x - mean) / sqrt(variance + epsilon).
      kind = Kind.LAYER_NORM;
      value = graph.input(graph.producer(uncast(graph.input(last, 0))), 0);
    } else {
      return;
    }
    add(
        kind,
        node,
        value,
        List.of(output(add.node()), output(node)),
        vector(node, input, weight),
        vector(add.node(), 1 - add.input(), bias));
  }

  private void add(
      Kind kind,
      int node,
      String input,
      List<String> outputs,
      @Nullable WeightSite weight,
      @Nullable WeightSite bias) {
    if (weight == null || !weight.source().isFloating()) {
      obstacles.add(
          "node %s of type %s multiplies by %s, which is not a weight of floating-point numbers"
              .formatted(
                  name(node),
                  graph.node(node).getOpType(),
                  graph.input(node, weight == null ? 1 : weight.input())));
      return;
    }
    modules.add(new GraphModule(kind, node, input, outputs, weight, bias));
  }

  /** The way of a weight; an obstacle if it is computed from constants by more than a move. */
  private @Nullable ConstantPath weightPath(int node, int input) {
    String value = graph.input(node, input);
    ConstantPath path = ConstantPath.of(graph, value);
    if (path == null && isDerived(value)) {
      obstacles.add(
          "the weight of node %s of type %s is computed by node %s"
              .formatted(name(node), graph.node(node).getOpType(), name(graph.producer(value))));
    }
    return path;
  }

  private boolean isDerived(String value) {
    return value.isEmpty() || graph.constant(value) != null || derived.contains(value);
  }

  private static @Nullable WeightSite matrix(int node, ConstantPath path, boolean transposed) {
    long[] shape = path.state().shape();
    if (shape == null || shape.length != 2) {
      return null;
    }
    long[] torchShape = transposed ? new long[] {shape[1], shape[0]} : shape;
    return new WeightSite(node, 1, path, transposed, torchShape);
  }

  private static WeightSite vector(int node, int input, ConstantPath path) {
    return new WeightSite(node, input, path, false, new long[] {path.source().elementCount()});
  }

  private String uncast(String value) {
    int node = graph.producer(value);
    return graph.is(node, "Cast") || graph.is(node, "Identity")
        ? uncast(graph.input(node, 0))
        : value;
  }

  private String output(int node) {
    return graph.node(node).getOutput(0);
  }

  private String name(int node) {
    String name = graph.node(node).getName();
    return name.isEmpty() ? "number " + node : name;
  }
}
