package io.github.lcm4j.benchmarks.model;

import com.fasterxml.jackson.databind.JsonNode;

/** Lists the layers of transformers' CLIPTextModel, with or without projection. */
final class ClipLayers {
  private ClipLayers() {}

  static Network of(JsonNode config) {
    Network.Builder network = new Network.Builder();
    int width = Configs.integer(config, "hidden_size");
    int inner = Configs.integer(config, "intermediate_size");
    String root = "text_model.";
    network.add(
        Layer.embedding(
            root + "embeddings.token_embedding",
            Configs.integer(config, "vocab_size"),
            width,
            Site.TOKENS));
    network.add(
        Layer.embedding(
            root + "embeddings.position_embedding",
            Configs.integer(config, "max_position_embeddings"),
            width,
            Site.TOKENS));
    for (int i = 0; i < Configs.integer(config, "num_hidden_layers"); i++) {
      String path = root + "encoder.layers." + i;
      for (String name : new String[] {"q_proj", "k_proj", "v_proj", "out_proj"}) {
        network.add(Layer.linear(path + ".self_attn." + name, width, width, true, Site.TOKENS));
      }
      network.add(new Attention(width, Site.TOKENS, Site.TOKENS));
      network.add(Layer.norm(path + ".layer_norm1", width, Site.TOKENS));
      network.add(Layer.linear(path + ".mlp.fc1", inner, width, true, Site.TOKENS));
      network.add(Layer.linear(path + ".mlp.fc2", width, inner, true, Site.TOKENS));
      network.add(Layer.norm(path + ".layer_norm2", width, Site.TOKENS));
    }
    network.add(Layer.norm(root + "final_layer_norm", width, Site.TOKENS));
    if (config.path("architectures").path(0).asText("").endsWith("WithProjection")) {
      network.add(
          Layer.linear(
              "text_projection",
              Configs.integer(config, "projection_dim"),
              width,
              false,
              Site.ONCE));
    }
    return network.build();
  }
}
