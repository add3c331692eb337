package io.github.lcm4j.benchmarks.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;

/** Lists the layers of the two halves of diffusers' AutoencoderKL. */
final class VaeLayers {
  private final Network.Builder network = new Network.Builder();
  private final List<Integer> channels;
  private final int last;
  private final int layersPerBlock;
  private final int latentChannels;
  private final int colours;

  private VaeLayers(JsonNode config) {
    this.channels = Configs.integers(config, "block_out_channels");
    this.last = channels.size() - 1;
    this.layersPerBlock = config.path("layers_per_block").asInt(1);
    this.latentChannels = config.path("latent_channels").asInt(4);
    this.colours = config.path("in_channels").asInt(3);
  }

  static Network decoder(JsonNode config) {
    return new VaeLayers(config).decoder();
  }

  static Network encoder(JsonNode config) {
    return new VaeLayers(config).encoder();
  }

  private Network decoder() {
    int width = channels.get(last);
    convolution("post_quant_conv", latentChannels, latentChannels, 1, 0);
    convolution("decoder.conv_in", width, latentChannels, 3, 0);
    middle("decoder.mid_block", width, 0);
    for (int i = 0; i <= last; i++) {
      String path = "decoder.up_blocks." + i;
      int out = channels.get(last - i);
      for (int j = 0; j <= layersPerBlock; j++) {
        resnet(path + ".resnets." + j, width, out, -i);
        width = out;
      }
      if (i < last) {
        convolution(path + ".upsamplers.0.conv", out, out, 3, -(i + 1));
      }
    }
    network.add(Layer.norm("decoder.conv_norm_out", width, Site.pixels(-last)));
    convolution("decoder.conv_out", colours, width, 3, -last);
    return network.build();
  }

  private Network encoder() {
    int width = channels.get(0);
    convolution("encoder.conv_in", width, colours, 3, -last);
    for (int i = 0; i <= last; i++) {
      String path = "encoder.down_blocks." + i;
      int out = channels.get(i);
      for (int j = 0; j < layersPerBlock; j++) {
        resnet(path + ".resnets." + j, width, out, i - last);
        width = out;
      }
      if (i < last) {
        convolution(path + ".downsamplers.0.conv", out, out, 3, i + 1 - last);
      }
    }
    middle("encoder.mid_block", width, 0);
    network.add(Layer.norm("encoder.conv_norm_out", width, Site.pixels(0)));
    convolution("encoder.conv_out", 2 * latentChannels, width, 3, 0);
    convolution("quant_conv", 2 * latentChannels, 2 * latentChannels, 1, 0);
    return network.build();
  }

  private void middle(String path, int width, int level) {
    Site site = Site.pixels(level);
    resnet(path + ".resnets.0", width, width, level);
    String attention = path + ".attentions.0";
    network.add(Layer.norm(attention + ".group_norm", width, site));
    for (String name : new String[] {"to_q", "to_k", "to_v", "to_out.0"}) {
      network.add(Layer.linear(attention + "." + name, width, width, true, site));
    }
    network.add(new Attention(width, site, site));
    resnet(path + ".resnets.1", width, width, level);
  }

  private void resnet(String path, int in, int out, int level) {
    network.add(Layer.norm(path + ".norm1", in, Site.pixels(level)));
    convolution(path + ".conv1", out, in, 3, level);
    network.add(Layer.norm(path + ".norm2", out, Site.pixels(level)));
    convolution(path + ".conv2", out, out, 3, level);
    if (in != out) {
      convolution(path + ".conv_shortcut", out, in, 1, level);
    }
  }

  private void convolution(String path, int out, int in, int kernel, int level) {
    network.add(Layer.convolution(path, out, in, kernel, Site.pixels(level)));
  }
}
