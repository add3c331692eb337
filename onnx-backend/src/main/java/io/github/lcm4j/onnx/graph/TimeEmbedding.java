package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import java.util.List;

/**
 * What a UNet or a ControlNet knows of the timestep and, where its configuration asks for them, of
 * the guidance scale, the pooled text and the picture's size. Declares the inputs for these.
 */
final class TimeEmbedding {
  private final UnetConfig config;
  private final Component component;
  private final GraphBuilder graph;

  TimeEmbedding(UnetConfig config, GraphBuilder graph) {
    this.config = config;
    this.component = config.component();
    this.graph = graph;
  }

  /**
   * Writes the embedding.
   *
   * @param timestep {@code [1 or batch]}
   * @return {@code [1 or batch, timeEmbedDim]}, not activated
   */
  String emit(String timestep) throws CheckpointException {
    graph.scope("time_embedding");
    int width = config.blockOutChannels.get(0);
    String embedding = sinusoids(timestep, width);
    if (config.timeCondProjDim > 0) {
      String cond =
          graph.input("timestep_cond", TensorProto.DataType.FLOAT, "batch", config.timeCondProjDim);
      embedding =
          graph.add(
              embedding,
              graph.linear(cond, "time_embedding.cond_proj", config.timeCondProjDim, width));
    }
    embedding = embeddingLayers(embedding, "time_embedding", width);
    String post = Activations.of(component, "timestep_post_act", "");
    if (!post.isEmpty()) {
      embedding = Activations.apply(graph, post, embedding);
    }
    if (config.textTime) {
      embedding = graph.add(embedding, textTimeEmbedding());
    }
    String act = Activations.of(component, "time_embedding_act_fn", "");
    return act.isEmpty() ? embedding : Activations.apply(graph, act, embedding);
  }

  /** SDXL's conditioning on the pooled text and the six size numbers. */
  private String textTimeEmbedding() throws CheckpointException {
    graph.scope("add_embedding");
    int perId = component.requireInt("addition_time_embed_dim");
    int width = component.requireInt("projection_class_embeddings_input_dim");
    int textWidth = width - 6 * perId;
    String text =
        graph.input("text_embeds", TensorProto.DataType.FLOAT, "batch", Math.max(textWidth, 0));
    String ids = graph.input("time_ids", TensorProto.DataType.FLOAT, "batch", 6);
    String sizes = sinusoids(graph.reshape(ids, -1), perId);
    sizes = graph.reshape(sizes, -1, 6L * perId);
    String joined = graph.concat(1, List.of(text, sizes));
    return embeddingLayers(joined, "add_embedding", width);
  }

  private String embeddingLayers(String x, String path, int width) throws CheckpointException {
    String h = graph.linear(x, path + ".linear_1", width, config.timeEmbedDim());
    h = Activations.apply(graph, config.activation, h);
    return graph.linear(h, path + ".linear_2", config.timeEmbedDim(), config.timeEmbedDim());
  }

  /** Sinusoidal position embedding (Vaswani et al. 2017) of a list of numbers. */
  private String sinusoids(String values, int width) {
    int half = width / 2;
    float shift = (float) component.doubleOr("freq_shift", 0);
    float[] frequencies = new float[half];
    for (int i = 0; i < half; i++) {
      // Rounded as diffusers rounds: times a timestep of 999, the last bit shows.
      float exponent = (float) -Math.log(10000) * i / (half - shift);
      frequencies[i] = (float) Math.exp(exponent);
    }
    String column = graph.reshape(values, -1, 1);
    String angles = graph.multiply(column, graph.floats(frequencies, 1, half));
    String sin = graph.node("Sin", List.of(angles));
    String cos = graph.node("Cos", List.of(angles));
    String joined =
        graph.concat(
            1,
            component.booleanOr("flip_sin_to_cos", true) ? List.of(cos, sin) : List.of(sin, cos));
    return width % 2 == 0
        ? joined
        : graph.node("Pad", List.of(joined, graph.longs(0, 0, 0, 1), graph.scalar(0)));
  }
}
