package io.github.lcm4j.onnx.export;

import io.github.lcm4j.onnx.export.GraphModule.Kind;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Names the modules of a CLIP text encoder by how they are joined: every layer adds an attention
 * and a two-layer network, each behind its layer norm, to one running sum.
 */
final class TextEncoderStructure {
  private final OnnxGraph graph;
  private final DataFlow flow;
  private final Map<GraphModule, String> paths = new HashMap<>();

  private TextEncoderStructure(OnnxGraph graph, DataFlow flow) {
    this.graph = graph;
    this.flow = flow;
  }

  static Map<GraphModule, String> paths(OnnxGraph graph, DataFlow flow) throws StructureException {
    return new TextEncoderStructure(graph, flow).read();
  }

  private Map<GraphModule, String> read() throws StructureException {
    Set<GraphModule> sum = embeddings();
    int layer = 0;
    while (true) {
      String prefix = "text_model.encoder.layers." + layer;
      List<GraphModule> norms = flow.fedBy(Kind.LAYER_NORM, sum);
      if (norms.size() != 1) {
        throw new StructureException(
            "%s: expected one layer norm, found %d".formatted(prefix, norms.size()));
      }
      GraphModule norm = norms.get(0);
      List<GraphModule> projections = flow.fedBy(Kind.LINEAR, Set.of(norm));
      if (projections.size() <= 1) {
        paths.put(norm, "text_model.final_layer_norm");
        projections.forEach(projection -> paths.put(projection, "text_projection"));
        return paths;
      }
      paths.put(norm, prefix + ".layer_norm1");
      sum.add(attention(prefix + ".self_attn", projections));
      sum.add(feedForward(prefix, sum));
      layer++;
    }
  }

  private Set<GraphModule> embeddings() throws StructureException {
    Set<GraphModule> sum = new HashSet<>();
    for (GraphModule module : flow.modules()) {
      if (module.is(Kind.EMBEDDING)) {
        // Looked up by the tokens, or by numbers that depend on nothing but their count.
        boolean tokens = flow.feeders(module).isEmpty() && !flow.inputs(module).isEmpty();
        paths.put(
            module, "text_model.embeddings." + (tokens ? "token" : "position") + "_embedding");
        sum.add(module);
      }
    }
    if (sum.isEmpty()) {
      throw new StructureException("expected a token embedding, found none");
    }
    for (GraphModule module : flow.modules()) {
      if (module.is(Kind.LAYER_NORM)) {
        return new HashSet<>(flow.feeders(module));
      }
    }
    throw new StructureException("expected layer norms, found none");
  }

  private GraphModule attention(String prefix, List<GraphModule> projections)
      throws StructureException {
    GraphModule out = one(prefix + ".out_proj", Set.copyOf(projections));
    Attention attention = Attention.before(graph, flow, out);
    if (attention == null) {
      throw new StructureException(prefix + ": query, key and value cannot be told apart");
    }
    paths.put(attention.query(), prefix + ".q_proj");
    paths.put(attention.key(), prefix + ".k_proj");
    paths.put(attention.value(), prefix + ".v_proj");
    paths.put(out, prefix + ".out_proj");
    return out;
  }

  private GraphModule feedForward(String prefix, Set<GraphModule> sum) throws StructureException {
    List<GraphModule> norms = flow.fedBy(Kind.LAYER_NORM, sum);
    if (norms.size() != 1) {
      throw new StructureException(
          "%s.layer_norm2: expected one, found %d".formatted(prefix, norms.size()));
    }
    paths.put(norms.get(0), prefix + ".layer_norm2");
    GraphModule first = one(prefix + ".mlp.fc1", Set.of(norms.get(0)));
    GraphModule second = one(prefix + ".mlp.fc2", Set.of(first));
    paths.put(first, prefix + ".mlp.fc1");
    paths.put(second, prefix + ".mlp.fc2");
    return second;
  }

  private GraphModule one(String path, Set<GraphModule> feeders) throws StructureException {
    List<GraphModule> found = flow.fedBy(Kind.LINEAR, feeders);
    if (found.size() != 1) {
      throw new StructureException(
          "%s: expected one matrix product, found %d".formatted(path, found.size()));
    }
    return found.get(0);
  }
}
