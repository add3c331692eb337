package io.github.lcm4j.onnx.graph;

import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Activation functions by the names diffusers and transformers give them. */
final class Activations {
  private static final Set<String> KNOWN =
      Set.of(
          "silu", "swish", "gelu", "gelu_new", "gelu_pytorch_tanh", "quick_gelu", "relu", "mish");

  private Activations() {}

  /**
   * The activation that a configuration names.
   *
   * @param otherwise where it names none; may be empty
   * @throws CheckpointException if it is unknown; the message names the file
   */
  static String of(Component component, String key, String otherwise) throws CheckpointException {
    String name = component.textOr(key, otherwise);
    if (!name.isEmpty() && !KNOWN.contains(name)) {
      throw component.unfit(key, "one of " + String.join(", ", new TreeSet<>(KNOWN)));
    }
    return name;
  }

  static String apply(GraphBuilder graph, String name, String x) {
    return switch (name) {
      case "silu", "swish" -> graph.silu(x);
      case "gelu" -> graph.gelu(x);
      case "gelu_new", "gelu_pytorch_tanh" ->
          graph.node("Gelu", List.of(x), GraphBuilder.attribute("approximate", "tanh"));
      case "quick_gelu" -> graph.quickGelu(x, 1.702f);
      case "relu" -> graph.node("Relu", List.of(x));
      case "mish" -> graph.node("Mish", List.of(x));
      default -> throw new IllegalArgumentException("unknown activation " + name);
    };
  }
}
