package io.github.lcm4j.onnx.export;

import io.github.lcm4j.onnx.export.GraphModule.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntPredicate;

/**
 * Which modules feed which: the graph with everything but its modules and inputs left out.
 * Computations of shapes and types do not count.
 */
final class DataFlow {
  /**
   * What a value is computed from, back to the nearest modules.
   *
   * @param modules modules whose results it is computed from
   * @param inputs inputs of the graph it is computed from without a module between
   */
  record Feed(Set<GraphModule> modules, Set<String> inputs) {}

  private final OnnxGraph graph;
  private final List<GraphModule> modules;
  private final Map<String, GraphModule> owners = new HashMap<>();
  private final Map<GraphModule, Feed> feeds = new HashMap<>();
  private final Map<GraphModule, Set<String>> ancestors = new HashMap<>();

  DataFlow(OnnxGraph graph, List<GraphModule> modules) {
    this.graph = graph;
    this.modules = modules;
    for (GraphModule module : modules) {
      for (String output : module.outputs()) {
        owners.put(output, module);
      }
    }
    for (GraphModule module : modules) {
      Feed feed = feed(module.input());
      feeds.put(module, feed);
      Set<String> inputs = new HashSet<>(feed.inputs());
      for (GraphModule feeder : feed.modules()) {
        inputs.addAll(ancestors.getOrDefault(feeder, Set.of()));
      }
      ancestors.put(module, inputs);
    }
  }

  /** All modules, in the order of the graph. */
  List<GraphModule> modules() {
    return modules;
  }

  /** Modules that feed a module directly. */
  Set<GraphModule> feeders(GraphModule module) {
    return feed(module).modules();
  }

  /** Inputs of the graph that feed a module directly. */
  Set<String> inputs(GraphModule module) {
    return feed(module).inputs();
  }

  private Feed feed(GraphModule module) {
    Feed feed = feeds.get(module);
    if (feed == null) {
      throw new IllegalArgumentException("not a module of this graph: " + module.node());
    }
    return feed;
  }

  /** Whether a module's result depends on an input of the graph. */
  boolean dependsOn(GraphModule module, String input) {
    return ancestors.getOrDefault(module, Set.of()).contains(input);
  }

  /** Modules of a kind that are fed by exactly these modules, in the order of the graph. */
  List<GraphModule> fedBy(Kind kind, Set<GraphModule> feeders) {
    List<GraphModule> result = new ArrayList<>();
    for (GraphModule module : modules) {
      if (module.is(kind) && feeders(module).equals(feeders)) {
        result.add(module);
      }
    }
    return result;
  }

  /** What a value is computed from. */
  Feed feed(String value) {
    Set<GraphModule> found = new LinkedHashSet<>();
    Set<String> inputs = new LinkedHashSet<>();
    walk(
        value,
        node -> false,
        source -> {
          GraphModule owner = owners.get(source);
          if (owner != null) {
            found.add(owner);
          } else if (graph.inputs().contains(source)) {
            inputs.add(source);
          }
        });
    return new Feed(found, inputs);
  }

  /**
   * The nearest node that a value is computed by and that meets a condition, back to the nearest
   * modules; −1 if there is none.
   */
  int nearest(String value, IntPredicate condition) {
    return walk(value, condition, source -> {});
  }

  /** The node that makes a value, casts and copies passed over; −1 for an input or a constant. */
  int maker(String value) {
    int node = graph.producer(value);
    return graph.is(node, "Cast") || graph.is(node, "Identity")
        ? maker(graph.input(node, 0))
        : node;
  }

  private int walk(String value, IntPredicate stop, Consumer<String> onSource) {
    Deque<String> open = new ArrayDeque<>(List.of(value));
    Set<String> seen = new HashSet<>(open);
    while (!open.isEmpty()) {
      String current = open.remove();
      int node = graph.producer(current);
      if (owners.containsKey(current) || node < 0) {
        onSource.accept(current);
        continue;
      }
      if (stop.test(node)) {
        return node;
      }
      if (graph.is(node, "Shape") || graph.is(node, "Size")) {
        continue;
      }
      int operands = graph.is(node, "CastLike") ? 1 : graph.node(node).getInputCount();
      for (String input : graph.node(node).getInputList().subList(0, operands)) {
        if (!input.isEmpty() && seen.add(input)) {
          open.add(input);
        }
      }
    }
    return -1;
  }
}
