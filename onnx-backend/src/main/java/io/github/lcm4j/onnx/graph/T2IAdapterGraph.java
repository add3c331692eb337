package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.safetensors.WeightSource;
import java.util.ArrayList;
import java.util.List;

/**
 * diffusers' T2IAdapter as an ONNX graph (Mou et al. 2023, "T2I-Adapter: Learning Adapters to Dig
 * out More Controllable Ability for Text-to-Image Diffusion Models"), in its three kinds: full,
 * full for SDXL and light.
 *
 * <p>Inputs, float32: {@code image} {@code [1, in_channels, height, width]}, 0 to 1, whose height
 * and width are multiples of {@code downscale_factor}, and {@code conditioning_scale} {@code [1]}.
 * Outputs {@code feature.i}, scaled.
 */
public final class T2IAdapterGraph {
  private static final String FULL = "full_adapter";
  private static final String FULL_XL = "full_adapter_xl";
  private static final String LIGHT = "light_adapter";

  /**
   * One output.
   *
   * @param channels its channels
   * @param halvings how often the size was halved after the division by {@code downscale_factor},
   *     rounding up
   */
  public record Feature(int channels, int halvings) {}

  private final Component component;
  private final GraphBuilder graph;

  private T2IAdapterGraph(Component component, WeightSource weights) {
    this.component = component;
    this.graph = new GraphBuilder("t2i_adapter", weights);
  }

  /**
   * Emits the graph.
   *
   * @param component an adapter's folder
   * @param weights its tensors; only names and shapes are read
   * @return the model without its weights
   * @throws CheckpointException if the adapter is of an unknown kind, or a tensor is missing or has
   *     another shape than the configuration says
   */
  public static NetworkGraph emit(Component component, WeightSource weights)
      throws CheckpointException {
    return new T2IAdapterGraph(component, weights).emit();
  }

  /** What the picture's width and height must be a multiple of. */
  public static int downscaleFactor(Component component) {
    return component.intOr("downscale_factor", 8);
  }

  private static String kind(Component component) throws CheckpointException {
    String kind = component.textOr("adapter_type", FULL);
    if (!List.of(FULL, FULL_XL, LIGHT).contains(kind)) {
      throw new CheckpointException(
          "%s: adapter_type is %s; supported: %s, %s, %s"
              .formatted(component.folder().resolve("config.json"), kind, FULL, FULL_XL, LIGHT));
    }
    return kind;
  }

  /**
   * What an adapter gives, in order.
   *
   * @throws CheckpointException if it is of an unknown kind
   */
  public static List<Feature> features(Component component) throws CheckpointException {
    String kind = kind(component);
    List<Integer> channels = new ArrayList<>();
    JsonNode node = component.config().path("channels");
    if (node.isArray()) {
      node.forEach(entry -> channels.add(entry.asInt()));
    } else {
      channels.addAll(List.of(320, 640, 1280, 1280));
    }
    if (kind.equals(LIGHT)) {
      channels.add(channels.get(channels.size() - 1));
    }
    List<Feature> features = new ArrayList<>();
    for (int i = 0; i < channels.size(); i++) {
      features.add(new Feature(channels.get(i), kind.equals(FULL_XL) ? (i < 2 ? 0 : 1) : i));
    }
    return features;
  }

  /**
   * Refuses an adapter of another family than a UNet's.
   *
   * @param vaeFactor picture pixels a latent cell stands for, per side
   * @throws CheckpointException if what it gives is not what the UNet's down blocks have
   */
  public static void requireFit(Component adapter, Component unet, int vaeFactor)
      throws CheckpointException {
    int channels = adapter.intOr("in_channels", 3);
    if (channels != 1 && channels != 3) {
      throw new CheckpointException(
          "%s: in_channels is %d; supported: 1, 3"
              .formatted(adapter.folder().resolve("config.json"), channels));
    }
    List<Feature> features = features(adapter);
    List<AdapterLayout.Place> places = AdapterLayout.of(unet).places();
    for (int i = 0; i < places.size(); i++) {
      AdapterLayout.Place place = places.get(i);
      Feature feature = i < features.size() ? features.get(i) : null;
      if (feature == null
          || feature.channels() != place.channels()
          || downscaleFactor(adapter) << feature.halvings() != vaeFactor << place.halvings()) {
        throw new CheckpointException(
            "%s does not fit %s: its feature %d %s, down block %d there has %d channels at 1/%d of the picture's size; is it for another family of models?"
                .formatted(
                    adapter.folder(),
                    unet.folder(),
                    i,
                    feature == null
                        ? "does not exist"
                        : "has %d channels at 1/%d"
                            .formatted(
                                feature.channels(), downscaleFactor(adapter) << feature.halvings()),
                    i,
                    place.channels(),
                    vaeFactor << place.halvings()));
      }
    }
  }

  private NetworkGraph emit() throws CheckpointException {
    String kind = kind(component);
    int blocks = component.intOr("num_res_blocks", 2);
    int factor = downscaleFactor(component);
    int width = component.intOr("in_channels", 3);
    String x =
        graph.input("image", TensorProto.DataType.FLOAT, 1, width, "image_height", "image_width");
    String scale = graph.input("conditioning_scale", TensorProto.DataType.FLOAT, 1);
    x = unshuffle(x, width, factor);
    width *= factor * factor;
    List<Feature> features = features(component);
    boolean light = kind.equals(LIGHT);
    if (!light) {
      graph.scope("adapter.conv_in");
      x = graph.conv(x, "adapter.conv_in", width, features.get(0).channels(), 3);
      width = features.get(0).channels();
    }
    int halvings = 0;
    for (int i = 0; i < features.size(); i++) {
      Feature feature = features.get(i);
      String path = "adapter.body." + i;
      graph.scope(path);
      if (feature.halvings() > halvings) {
        x =
            graph.node(
                "AveragePool",
                List.of(x),
                GraphBuilder.attribute("kernel_shape", 2, 2),
                GraphBuilder.attribute("strides", 2, 2),
                GraphBuilder.attribute("ceil_mode", 1L));
        halvings = feature.halvings();
      }
      int inner = light ? feature.channels() / 4 : feature.channels();
      if (light || width != inner) {
        x = graph.conv(x, path + ".in_conv", width, inner, 1);
      }
      for (int block = 0; block < blocks; block++) {
        String resnet = path + ".resnets." + block;
        String h = graph.conv(x, resnet + ".block1", inner, inner, 3);
        h = graph.node("Relu", List.of(h));
        x = graph.add(graph.conv(h, resnet + ".block2", inner, inner, light ? 3 : 1), x);
      }
      if (light) {
        x = graph.conv(x, path + ".out_conv", inner, feature.channels(), 1);
      }
      width = feature.channels();
      String name = "feature." + i;
      graph.output(graph.multiply(x, scale), name, 1, width, name + ".height", name + ".width");
    }
    return graph.build();
  }

  /** PyTorch's PixelUnshuffle: squares of pixels become channels, those of one colour together. */
  private String unshuffle(String x, long channels, long factor) {
    graph.scope("adapter.unshuffle");
    String height = graph.node("Div", List.of(graph.shape(x, 2, 3), graph.longs(factor)));
    String width = graph.node("Div", List.of(graph.shape(x, 3, 4), graph.longs(factor)));
    String split =
        graph.concat(
            0,
            List.of(
                graph.longs(1, channels), height, graph.longs(factor), width, graph.longs(factor)));
    String squares = graph.transpose(graph.reshapeTo(x, split), 0, 1, 3, 5, 2, 4);
    return graph.reshapeTo(
        squares,
        graph.concat(0, List.of(graph.longs(1, channels * factor * factor), height, width)));
  }
}
