package io.github.lcm4j.benchmarks.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** Lists the layers of diffusers' UNet2DConditionModel as its constructor would make them. */
final class UnetLayers {
  private final Network.Builder network = new Network.Builder();
  private final JsonNode config;
  private final List<Integer> channels;
  private final int timeWidth;
  private final boolean linearProjection;
  private final Deque<Integer> skips = new ArrayDeque<>();

  private UnetLayers(JsonNode config) {
    this.config = config;
    this.channels = Configs.integers(config, "block_out_channels");
    this.timeWidth = 4 * channels.get(0);
    this.linearProjection = config.path("use_linear_projection").asBoolean(false);
  }

  static Network of(JsonNode config) {
    return new UnetLayers(config).walk();
  }

  private Network walk() {
    int first = channels.get(0);
    int last = channels.size() - 1;
    network.add(
        Layer.convolution("conv_in", first, config.path("in_channels").asInt(4), 3, level(0)));
    embedding("time_embedding", first);
    int conditioned = config.path("time_cond_proj_dim").asInt(0);
    if (conditioned > 0) {
      network.add(Layer.linear("time_embedding.cond_proj", first, conditioned, false, Site.ONCE));
    }
    if (config.path("addition_embed_type").asText("").equals("text_time")) {
      embedding("add_embedding", config.path("projection_class_embeddings_input_dim").asInt());
    }
    skips.push(first);
    for (int i = 0; i <= last; i++) {
      downBlock(i, i < last);
    }
    middle(last);
    int width = channels.get(last);
    for (int i = 0; i <= last; i++) {
      width = upBlock(i, last - i, width);
    }
    network.add(Layer.norm("conv_norm_out", first, level(0)));
    network.add(
        Layer.convolution("conv_out", config.path("out_channels").asInt(4), first, 3, level(0)));
    return network.build();
  }

  private static Site level(int level) {
    return Site.pixels(level);
  }

  private void embedding(String path, int in) {
    network.add(Layer.linear(path + ".linear_1", timeWidth, in, true, Site.ONCE));
    network.add(Layer.linear(path + ".linear_2", timeWidth, timeWidth, true, Site.ONCE));
  }

  private void downBlock(int block, boolean downsamples) {
    String path = "down_blocks." + block;
    int out = channels.get(block);
    boolean attends = attends("down_block_types", block);
    for (int i = 0; i < perBlock("layers_per_block", block, 2); i++) {
      int in = i == 0 && block > 0 ? channels.get(block - 1) : out;
      resnet(path + ".resnets." + i, in, out, block);
      if (attends) {
        transformer(path + ".attentions." + i, block, block, depth(block));
      }
      skips.push(out);
    }
    if (downsamples) {
      network.add(Layer.convolution(path + ".downsamplers.0.conv", out, out, 3, level(block + 1)));
      skips.push(out);
    }
  }

  private void middle(int block) {
    JsonNode type = config.path("mid_block_type");
    if (type.isNull()) {
      return;
    }
    int width = channels.get(block);
    resnet("mid_block.resnets.0", width, width, block);
    transformer("mid_block.attentions.0", block, block, depth(block));
    resnet("mid_block.resnets.1", width, width, block);
  }

  /** Returns the channels that leave the block. */
  private int upBlock(int block, int level, int width) {
    String path = "up_blocks." + block;
    int out = channels.get(level);
    boolean attends = attends("up_block_types", block);
    for (int i = 0; i <= perBlock("layers_per_block", level, 2); i++) {
      resnet(path + ".resnets." + i, width + skips.pop(), out, level);
      width = out;
      if (attends) {
        transformer(path + ".attentions." + i, level, level, depth(level));
      }
    }
    if (level > 0) {
      network.add(Layer.convolution(path + ".upsamplers.0.conv", out, out, 3, level(level - 1)));
    }
    return width;
  }

  private void resnet(String path, int in, int out, int level) {
    network.add(Layer.norm(path + ".norm1", in, level(level)));
    network.add(Layer.convolution(path + ".conv1", out, in, 3, level(level)));
    network.add(Layer.linear(path + ".time_emb_proj", out, timeWidth, true, Site.ONCE));
    network.add(Layer.norm(path + ".norm2", out, level(level)));
    network.add(Layer.convolution(path + ".conv2", out, out, 3, level(level)));
    if (in != out) {
      network.add(Layer.convolution(path + ".conv_shortcut", out, in, 1, level(level)));
    }
  }

  private void transformer(String path, int block, int level, int depth) {
    int width = channels.get(block);
    int textWidth = perBlock("cross_attention_dim", block, 1280);
    Site site = level(level);
    network.add(Layer.norm(path + ".norm", width, site));
    network.add(projection(path + ".proj_in", width, site));
    for (int i = 0; i < depth; i++) {
      String inner = path + ".transformer_blocks." + i;
      network.add(Layer.norm(inner + ".norm1", width, site));
      attention(inner + ".attn1", width, width, site, site);
      network.add(Layer.norm(inner + ".norm2", width, site));
      attention(inner + ".attn2", width, textWidth, site, Site.TOKENS);
      network.add(Layer.norm(inner + ".norm3", width, site));
      network.add(Layer.linear(inner + ".ff.net.0.proj", 8 * width, width, true, site));
      network.add(Layer.linear(inner + ".ff.net.2", width, 4 * width, true, site));
    }
    network.add(projection(path + ".proj_out", width, site));
  }

  private Layer projection(String path, int width, Site site) {
    return linearProjection
        ? Layer.linear(path, width, width, true, site)
        : Layer.convolution(path, width, width, 1, site);
  }

  private void attention(String path, int width, int keyWidth, Site queries, Site keys) {
    network.add(Layer.linear(path + ".to_q", width, width, false, queries));
    network.add(Layer.linear(path + ".to_k", width, keyWidth, false, keys));
    network.add(Layer.linear(path + ".to_v", width, keyWidth, false, keys));
    network.add(Layer.linear(path + ".to_out.0", width, width, true, queries));
    network.add(new Attention(width, queries, keys));
  }

  private boolean attends(String key, int block) {
    return config.path(key).path(block).asText().startsWith("CrossAttn");
  }

  private int depth(int block) {
    return perBlock("transformer_layers_per_block", block, 1);
  }

  private int perBlock(String key, int block, int otherwise) {
    JsonNode node = config.path(key);
    return node.isArray() ? node.path(block).asInt() : node.asInt(otherwise);
  }
}
