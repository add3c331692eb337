package io.github.lcm4j.onnx.export;

import io.github.lcm4j.checkpoint.CheckpointException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Joins what the scanner, the names and the structure say to an index of parameters. */
final class WeightIndexer {
  private static final String REMEDY =
      "; export the network again without optimisation to fold LoRA files into it";

  private final OnnxExport export;
  private final OnnxGraph graph;

  private WeightIndexer(OnnxExport export, OnnxGraph graph) {
    this.export = export;
    this.graph = graph;
  }

  static OnnxWeights index(OnnxExport export, OnnxGraph graph) throws CheckpointException {
    return new WeightIndexer(export, graph).index();
  }

  private OnnxWeights index() throws CheckpointException {
    ModuleScanner.Result scan = ModuleScanner.scan(graph);
    boolean foldable = export.component().isFoldable();
    if (foldable && !scan.obstacles().isEmpty()) {
      throw refusal(
          "%s%s"
              .formatted(
                  scan.obstacles().get(0),
                  scan.obstacles().size() == 1
                      ? ""
                      : ", and %d more like it".formatted(scan.obstacles().size() - 1)));
    }
    Map<GraphModule, String> paths = ModulePaths.read(graph, export.component(), scan.modules());
    if (foldable && paths.size() < scan.modules().size()) {
      addByStructure(paths, scan.modules());
    }
    if (foldable) {
      requireComplete(new TreeSet<>(paths.values()));
    }
    return new OnnxWeights(export, graph, parameters(scan.modules(), paths));
  }

  private void addByStructure(Map<GraphModule, String> paths, List<GraphModule> modules)
      throws CheckpointException {
    Map<GraphModule, String> structural;
    try {
      DataFlow flow = new DataFlow(graph, modules);
      structural =
          export.component() == OnnxComponent.UNET
              ? UnetStructure.paths(graph, flow, export.unetPorts())
              : TextEncoderStructure.paths(graph, flow);
    } catch (StructureException e) {
      GraphModule unnamed =
          modules.stream()
              .filter(module -> module.kind().isMultiplication() && !paths.containsKey(module))
              .findFirst()
              .orElse(null);
      if (unnamed == null) {
        return; // only norms are unnamed, which hardly any LoRA changes
      }
      throw refusal(
          "the names do not tell which module node %s of type %s with a weight of torch's shape %s is, and the graph is not built as a %s is (%s)"
              .formatted(
                  graph.node(unnamed.node()).getName(),
                  graph.node(unnamed.node()).getOpType(),
                  Arrays.toString(unnamed.weight().torchShape()),
                  export.component().title(),
                  e.getMessage()));
    }
    Map<String, GraphModule> named = new HashMap<>();
    paths.forEach((module, path) -> named.put(path, module));
    for (Map.Entry<GraphModule, String> entry : structural.entrySet()) {
      GraphModule other = named.get(entry.getValue());
      if (!paths.containsKey(entry.getKey())) {
        if (other != null) {
          throw refusal(
              "%s is node %s by its name and node %s by the graph's structure"
                  .formatted(
                      entry.getValue(),
                      graph.node(other.node()).getName(),
                      graph.node(entry.getKey().node()).getName()));
        }
        paths.put(entry.getKey(), entry.getValue());
      }
    }
  }

  /** Refuses a graph in which modules that belong together are not all there. */
  private void requireComplete(Set<String> paths) throws CheckpointException {
    List<String> missing = new ArrayList<>();
    for (String required : ModuleSiblings.of(export.component(), paths)) {
      if (!paths.contains(required)) {
        missing.add(required);
      }
    }
    if (!missing.isEmpty()) {
      throw refusal(
          "%d modules have no weight of their own, the first is %s; they were fused or left out"
              .formatted(missing.size(), missing.get(0)));
    }
  }

  private Map<String, List<WeightSite>> parameters(
      List<GraphModule> modules, Map<GraphModule, String> paths) {
    Map<String, List<WeightSite>> parameters = new LinkedHashMap<>();
    for (GraphModule module : modules) {
      String path = paths.get(module);
      if (path != null) {
        parameters.computeIfAbsent(path + ".weight", key -> new ArrayList<>()).add(module.weight());
        if (module.bias() != null) {
          parameters.computeIfAbsent(path + ".bias", key -> new ArrayList<>()).add(module.bias());
        }
      }
    }
    return parameters;
  }

  private CheckpointException refusal(String reason) {
    return new CheckpointException(
        "%s: expected one constant for every weight of the %s, but %s%s"
            .formatted(export.file(), export.component().title(), reason, REMEDY));
  }
}
