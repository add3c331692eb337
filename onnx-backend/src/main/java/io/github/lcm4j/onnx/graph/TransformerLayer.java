package io.github.lcm4j.onnx.graph;

import io.github.lcm4j.checkpoint.CheckpointException;
import java.util.List;

/**
 * diffusers' Transformer2DModel: a norm, a projection, blocks of self-attention, cross-attention
 * and feed-forward, a projection back, and the input added.
 *
 * <p>Inside, the tokens are the rows of one matrix {@code [batch × tokens, channels]}: every linear
 * layer is then a single matrix product with its bias and no node moves data but the two
 * transpositions at the ends.
 *
 * @param graph where to write
 * @param groups groups of the norm
 * @param encoderRows text embeddings as rows {@code [batch × length, crossDim]}
 * @param batch int64 list of one: the batch size
 */
record TransformerLayer(GraphBuilder graph, int groups, String encoderRows, String batch) {
  private static final float NORM_EPSILON = 1e-6f;
  private static final float LAYER_NORM_EPSILON = 1e-5f;

  /**
   * Writes the transformer.
   *
   * @param x {@code [batch, channels, height, width]}
   * @return the same shape
   */
  String emit(
      String x,
      String path,
      long channels,
      int heads,
      long crossDim,
      int depth,
      boolean onlyCrossAttention)
      throws CheckpointException {
    graph.scope(path);
    // As diffusers: the heads' width is rounded down, so the inner width may be smaller.
    long inner = heads * (channels / heads);
    String tokens = graph.groupNorm(x, path + ".norm", channels, groups, NORM_EPSILON);
    tokens = graph.transpose(graph.reshape(tokens, 0, channels, -1), 0, 2, 1);
    String rows = graph.reshape(tokens, -1, channels);
    rows = graph.linear(rows, path + ".proj_in", channels, inner);
    for (int i = 0; i < depth; i++) {
      rows =
          block(
              rows, path + ".transformer_blocks." + i, inner, heads, crossDim, onlyCrossAttention);
    }
    graph.scope(path);
    rows = graph.linear(rows, path + ".proj_out", inner, channels);
    String back = graph.transpose(byBatch(rows, channels), 0, 2, 1);
    return graph.add(graph.reshapeTo(back, graph.node("Shape", List.of(x))), x);
  }

  private String block(
      String rows, String path, long width, int heads, long crossDim, boolean onlyCrossAttention)
      throws CheckpointException {
    graph.scope(path + ".attn1");
    String normal = graph.layerNorm(rows, path + ".norm1", width, LAYER_NORM_EPSILON);
    String attended =
        onlyCrossAttention
            ? attention(normal, encoderRows, path + ".attn1", width, crossDim, heads)
            : attention(normal, normal, path + ".attn1", width, width, heads);
    rows = graph.add(attended, rows);

    if (graph.hasWeight(path + ".attn2.to_q.weight")) {
      graph.scope(path + ".attn2");
      normal = graph.layerNorm(rows, path + ".norm2", width, LAYER_NORM_EPSILON);
      attended = attention(normal, encoderRows, path + ".attn2", width, crossDim, heads);
      rows = graph.add(attended, rows);
    }

    graph.scope(path + ".ff");
    normal = graph.layerNorm(rows, path + ".norm3", width, LAYER_NORM_EPSILON);
    return graph.add(feedForward(normal, path + ".ff", width), rows);
  }

  private String attention(
      String queries, String keys, String path, long width, long keyWidth, int heads)
      throws CheckpointException {
    String q = byBatch(graph.linear(queries, path + ".to_q", width, width), width);
    String k = byBatch(graph.linear(keys, path + ".to_k", keyWidth, width), width);
    String v = byBatch(graph.linear(keys, path + ".to_v", keyWidth, width), width);
    String rows = graph.reshape(graph.attention(q, k, v, heads, ""), -1, width);
    return graph.linear(rows, path + ".to_out.0", width, width);
  }

  /** GEGLU (Shazeer 2020): one half of a projection gates the other, then a projection back. */
  private String feedForward(String rows, String path, long width) throws CheckpointException {
    long hidden = graph.weightShape(path + ".net.2.weight")[1];
    String projected = graph.linear(rows, path + ".net.0.proj", width, 2 * hidden);
    String[] halves =
        graph.nodes(
            "Split",
            List.of(projected),
            2,
            GraphBuilder.attribute("axis", 1L),
            GraphBuilder.attribute("num_outputs", 2L));
    String gated = graph.multiply(halves[0], graph.gelu(halves[1]));
    return graph.linear(gated, path + ".net.2", hidden, width);
  }

  /** Rows {@code [batch × tokens, width]} as {@code [batch, tokens, width]}. */
  private String byBatch(String rows, long width) {
    return graph.reshapeTo(rows, graph.concat(0, List.of(batch, graph.longs(-1, width))));
  }
}
