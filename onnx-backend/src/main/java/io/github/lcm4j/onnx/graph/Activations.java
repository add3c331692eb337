package io.github.lcm4j.onnx.graph;

import io.github.lcm4j.checkpoint.CheckpointException;
import java.util.List;

/** Activation functions by the names diffusers and transformers give them. */
final class Activations {
  private Activations() {}

  static String apply(GraphBuilder graph, String name, String x) throws CheckpointException {
    return switch (name) {
      case "silu", "swish" -> graph.silu(x);
      case "gelu" -> graph.gelu(x);
      case "gelu_new", "gelu_pytorch_tanh" ->
          graph.node("Gelu", List.of(x), GraphBuilder.attribute("approximate", "tanh"));
      case "quick_gelu" -> graph.quickGelu(x, 1.702f);
      case "relu" -> graph.node("Relu", List.of(x));
      case "mish" -> graph.node("Mish", List.of(x));
      default ->
          throw new CheckpointException(
              "unknown activation '%s'; there are silu, gelu, gelu_new, quick_gelu, relu, mish"
                  .formatted(name));
    };
  }
}
