package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * transformers' CLIPTextModel and CLIPTextModelWithProjection as an ONNX graph.
 *
 * <p>Input {@code input_ids}, int64 {@code [batch, length]}. Outputs, float32: {@code
 * hidden_states.i} for i from 0 (the embeddings) to the number of layers, {@code normalized.i}: the
 * same after the final layer norm, and {@code text_embeds} {@code [batch, projection_dim]} where
 * the checkpoint has a projection.
 *
 * <p>A graph {@linkplain #emitForExport for other programs} has the outputs that optimum's exports
 * have: {@code text_embeds}, where there is no projection {@code pooler_output}, {@code
 * last_hidden_state} and {@code hidden_states.i}.
 */
public final class ClipTextGraph {
  private static final String PROJECTION = "text_projection";

  private final Component component;
  private final GraphBuilder graph;
  private final String root;
  private final int width;
  private final int heads;
  private final int layers;
  private final float epsilon;
  private final String activation;
  private final @Nullable Tensor tokenEmbeddings;

  private ClipTextGraph(Component component, WeightSource weights, @Nullable Tensor tokenEmbeddings)
      throws CheckpointException {
    this.component = component;
    this.tokenEmbeddings = tokenEmbeddings;
    this.graph = new GraphBuilder(component.name(), weights);
    // transformers 5 writes the names without the prefix that older files have.
    this.root =
        weights.contains("text_model.embeddings.token_embedding.weight") ? "text_model." : "";
    this.width = component.requireInt("hidden_size");
    this.heads = component.requireInt("num_attention_heads");
    this.layers = component.requireInt("num_hidden_layers");
    this.epsilon = (float) component.doubleOr("layer_norm_eps", 1e-5);
    this.activation = Activations.of(component, "hidden_act", "quick_gelu");
    if (component.booleanOr("use_attention_mask", false)) {
      throw new CheckpointException(
          "%s: use_attention_mask is true, which lcm4j does not emit"
              .formatted(component.folder().resolve("config.json")));
    }
    graph.requireDivides("num_attention_heads", heads, width, component.name());
  }

  /**
   * Emits the graph.
   *
   * @param component the checkpoint's {@code text_encoder} or {@code text_encoder_2}
   * @param weights its tensors; only names and shapes are read
   * @param tokenEmbeddings float32 {@code [tokens, hidden_size]} of tokens beyond the vocabulary,
   *     with ids from {@code vocab_size} on; they become constants of the graph. Null for none
   * @return the model without its weights
   * @throws CheckpointException if a tensor is missing or has another shape than the configuration
   *     says
   */
  public static NetworkGraph emit(
      Component component, WeightSource weights, @Nullable Tensor tokenEmbeddings)
      throws CheckpointException {
    return new ClipTextGraph(component, weights, tokenEmbeddings).emit(false);
  }

  /**
   * Emits the graph with the outputs of an export, in optimum's order.
   *
   * @param component the checkpoint's {@code text_encoder} or {@code text_encoder_2}
   * @param weights its tensors; only names and shapes are read
   * @return the model without its weights
   * @throws CheckpointException if a tensor is missing or has another shape than the configuration
   *     says
   */
  public static NetworkGraph emitForExport(Component component, WeightSource weights)
      throws CheckpointException {
    return new ClipTextGraph(component, weights, null).emit(true);
  }

  private NetworkGraph emit(boolean export) throws CheckpointException {
    String ids = graph.input("input_ids", TensorProto.DataType.INT64, "batch", "length");
    String length = graph.shape(ids, 1, 2);
    String shape = graph.concat(0, List.of(graph.shape(ids, 0, 2), graph.longs(width)));
    String rows = embeddings(ids, length);
    String mask = causalMask(length);
    List<String> states = new ArrayList<>(List.of(rows));
    for (int i = 0; i < layers; i++) {
      rows = layer(rows, root + "encoder.layers." + i, shape, mask);
      states.add(rows);
    }
    graph.scope("");
    if (export) {
      exposeForExport(ids, states, shape);
    } else {
      expose(ids, states, shape);
    }
    return graph.build();
  }

  private void expose(String ids, List<String> states, String shape) throws CheckpointException {
    String last = "";
    for (int i = 0; i < states.size(); i++) {
      exposeState(states.get(i), shape, i);
      last = normalized(states.get(i), shape);
      graph.output(last, "normalized." + i, "batch", "length", width);
    }
    if (graph.hasWeight(PROJECTION + ".weight")) {
      project(pooled(ids, last));
    }
  }

  private void exposeForExport(String ids, List<String> states, String shape)
      throws CheckpointException {
    String last = normalized(states.get(states.size() - 1), shape);
    String pooled = pooled(ids, last);
    boolean projects = graph.hasWeight(PROJECTION + ".weight");
    if (projects) {
      project(pooled);
    }
    graph.output(last, "last_hidden_state", "batch", "length", width);
    if (!projects) {
      graph.output(pooled, "pooler_output", "batch", width);
    }
    for (int i = 0; i < states.size(); i++) {
      exposeState(states.get(i), shape, i);
    }
  }

  private void exposeState(String rows, String shape, int index) {
    graph.output(graph.reshapeTo(rows, shape), "hidden_states." + index, "batch", "length", width);
  }

  private String embeddings(String ids, String length) throws CheckpointException {
    graph.scope("embeddings");
    int vocabulary = component.requireInt("vocab_size");
    int positions = component.requireInt("max_position_embeddings");
    String table = graph.weight(root + "embeddings.token_embedding.weight", vocabulary, width);
    String tokens =
        tokenEmbeddings == null
            ? graph.node("Gather", List.of(table, ids))
            : beyondVocabulary(tokenEmbeddings, table, ids, vocabulary);
    String places = graph.weight(root + "embeddings.position_embedding.weight", positions, width);
    String count = graph.node("Squeeze", List.of(length, graph.longs(0)));
    String positionIds =
        graph.node("Range", List.of(graph.longScalar(0), count, graph.longScalar(1)));
    String place = graph.node("Gather", List.of(places, positionIds));
    return graph.reshape(graph.add(tokens, place), -1, width);
  }

  /** Looks ids up in two tables as if one followed the other, without joining them. */
  private String beyondVocabulary(Tensor further, String table, String ids, int vocabulary) {
    String first = graph.longScalar(vocabulary);
    String zero = graph.longScalar(0);
    String isFurther = graph.node("GreaterOrEqual", List.of(ids, first));
    String known =
        graph.node("Gather", List.of(table, graph.node("Where", List.of(isFurther, zero, ids))));
    String offset = graph.node("Sub", List.of(ids, first));
    String added =
        graph.node(
            "Gather",
            List.of(
                graph.floats(further.toFloatArray(), further.shape()),
                graph.node("Where", List.of(isFurther, offset, zero))));
    String choice = graph.node("Unsqueeze", List.of(isFurther, graph.longs(-1)));
    return graph.node("Where", List.of(choice, added, known));
  }

  /** Zero where a token may look, −∞ at later tokens. */
  private String causalMask(String length) throws CheckpointException {
    int positions = component.requireInt("max_position_embeddings");
    float[] mask = new float[positions * positions];
    for (int row = 0; row < positions; row++) {
      for (int column = row + 1; column < positions; column++) {
        mask[row * positions + column] = -Float.MAX_VALUE;
      }
    }
    return graph.node(
        "Slice",
        List.of(
            graph.floats(mask, 1, 1, positions, positions),
            graph.longs(0, 0),
            graph.concat(0, List.of(length, length)),
            graph.longs(2, 3)));
  }

  private String layer(String rows, String path, String shape, String mask)
      throws CheckpointException {
    graph.scope(path + ".self_attn");
    String attention = path + ".self_attn";
    String normal = graph.layerNorm(rows, path + ".layer_norm1", width, epsilon);
    String q = projection(normal, attention + ".q_proj", shape);
    String k = projection(normal, attention + ".k_proj", shape);
    String v = projection(normal, attention + ".v_proj", shape);
    String attended = graph.reshape(graph.attention(q, k, v, heads, mask), -1, width);
    rows = graph.add(graph.linear(attended, attention + ".out_proj", width, width), rows);

    graph.scope(path + ".mlp");
    int inner = component.requireInt("intermediate_size");
    normal = graph.layerNorm(rows, path + ".layer_norm2", width, epsilon);
    String h = graph.linear(normal, path + ".mlp.fc1", width, inner);
    h = Activations.apply(graph, activation, h);
    return graph.add(graph.linear(h, path + ".mlp.fc2", inner, width), rows);
  }

  private String projection(String rows, String path, String shape) throws CheckpointException {
    return graph.reshapeTo(graph.linear(rows, path, width, width), shape);
  }

  private String normalized(String rows, String shape) throws CheckpointException {
    return graph.reshapeTo(graph.layerNorm(rows, root + "final_layer_norm", width, epsilon), shape);
  }

  /**
   * Pools at the end-of-text token. Old configurations say {@code eos_token_id: 2}, which never was
   * its id; the largest id is meant, and CLIP's end-of-text is the largest.
   */
  private String pooled(String ids, String lastHiddenState) {
    int eos = component.intOr("eos_token_id", 2);
    String scores = ids;
    if (eos != 2) {
      String equal = graph.node("Equal", List.of(ids, graph.longScalar(eos)));
      scores =
          graph.node(
              "Cast",
              List.of(equal),
              GraphBuilder.attribute("to", (long) TensorProto.DataType.INT32.getNumber()));
    }
    String position =
        graph.node(
            "ArgMax",
            List.of(scores),
            GraphBuilder.attribute("axis", 1L),
            GraphBuilder.attribute("keepdims", 1L));
    return graph.node(
        "GatherND", List.of(lastHiddenState, position), GraphBuilder.attribute("batch_dims", 1L));
  }

  private void project(String pooled) throws CheckpointException {
    long out = graph.weightShape(PROJECTION + ".weight")[0];
    graph.output(graph.linear(pooled, PROJECTION, width, out), "text_embeds", "batch", out);
  }
}
