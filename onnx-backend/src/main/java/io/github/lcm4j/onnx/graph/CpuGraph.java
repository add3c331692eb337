package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What a graph looks like that ONNX Runtime's CPU kernels run fastest. */
public final class CpuGraph {
  /**
   * Where it pays.
   *
   * @param minChannels fewest channels, in and out, of a convolution that minimal filtering is for;
   *     with fewer the transforms take longer than the products
   * @param maxBytes what the values between the transforms may take before pictures are cut
   * @param filterBytes what transformed filters may take before they are made in parts
   * @param strips how many strips pictures are cut into. More take less memory, and no less time;
   *     creating a session takes longer with more nodes, and a strip is some fifteen for each
   *     convolution.
   */
  public record Limits(long minChannels, long maxBytes, long filterBytes, int strips) {
    /** What was measured to be best. */
    public static final Limits USUAL = new Limits(96, 256 << 20, 64 << 20, 8);

    /** The same without strips. */
    Limits whole() {
      return new Limits(minChannels, Long.MAX_VALUE, filterBytes, 1);
    }
  }

  private CpuGraph() {}

  /**
   * Rewrites a network for the CPU. It computes the same function; the weights keep their names.
   *
   * @param network a graph without weights
   * @param side height and width that its first input of four axes usually has; 0 if there is none
   * @param limits where it pays
   * @return the same network in other nodes
   */
  public static NetworkGraph rewrite(NetworkGraph network, int side, Limits limits) {
    NetworkGraph split = SplitLinear.rewrite(network);
    WinogradRewriter.Result cut = WinogradRewriter.rewrite(split, side, limits);
    NetworkGraph large = LayerNormRewriter.rewrite(cut.network());
    if (cut.minSide() == 0) {
      return HiddenShapes.hide(large); // nothing was cut
    }
    WinogradRewriter.Result whole = WinogradRewriter.rewrite(split, side, limits.whole());
    NetworkGraph small = LayerNormRewriter.rewrite(whole.network());
    return either(
        HiddenShapes.hide(small), HiddenShapes.hide(WideHeads.rewrite(large)), cut.minSide());
  }

  /** Small pictures have too few rows for strips, and no need of them. */
  private static NetworkGraph either(NetworkGraph small, NetworkGraph large, int minSide) {
    GraphProto graph = large.model().getGraph();
    String input = PictureExtents.picture(graph).orElseThrow().getName();
    NodeList nodes = new NodeList("size");
    String isLarge =
        nodes.node("GreaterOrEqual", List.of(nodes.shape(input, 2, 3), nodes.longs(minSide)));
    NodeProto.Builder choice =
        NodeProto.newBuilder()
            .setName("size/If")
            .setOpType("If")
            .addInput(isLarge)
            .addAttribute(branch("then_branch", large))
            .addAttribute(branch("else_branch", small));
    graph.getOutputList().forEach(output -> choice.addOutput(output.getName()));
    nodes.keep(choice.build());
    return large.withModel(nodes.in(withAllOf(large.model(), small.model().getGraph())));
  }

  /** A graph as a part of another; what it writes may not be called like the outer outputs. */
  private static AttributeProto branch(String name, NetworkGraph network) {
    GraphProto graph = network.model().getGraph();
    GraphProto.Builder body = GraphProto.newBuilder().setName(name).addAllNode(graph.getNodeList());
    Map<String, String> renamed = new HashMap<>();
    for (ValueInfoProto output : graph.getOutputList()) {
      String inner = output.getName() + "." + name;
      renamed.put(output.getName(), inner);
      body.addOutput(output.toBuilder().setName(inner));
    }
    for (NodeProto.Builder node : body.getNodeBuilderList()) {
      for (int i = 0; i < node.getOutputCount(); i++) {
        node.setOutput(i, renamed.getOrDefault(node.getOutput(i), node.getOutput(i)));
      }
    }
    return GraphBuilder.attribute(name, body);
  }

  /** A model with another graph's inputs and constants, too; equal names are equal values. */
  private static ModelProto withAllOf(ModelProto model, GraphProto other) {
    GraphProto.Builder graph = model.getGraph().toBuilder();
    Set<String> names = new HashSet<>();
    graph.getInputList().forEach(input -> names.add(input.getName()));
    other.getInputList().stream().filter(i -> names.add(i.getName())).forEach(graph::addInput);
    names.clear();
    graph.getInitializerList().forEach(constant -> names.add(constant.getName()));
    other.getInitializerList().stream()
        .filter(constant -> names.add(constant.getName()))
        .forEach(graph::addInitializer);
    return model.toBuilder().setGraph(graph).build();
  }
}
