package io.github.lcm4j.benchmarks.model;

import io.github.lcm4j.safetensors.WeightSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a network is made of, read from its configuration alone: the layers with weights and the
 * attentions. Independent of the graphs that run, so it can be held against them.
 */
public final class Network {
  private final List<Layer> layers;
  private final List<Attention> attentions;

  private Network(List<Layer> layers, List<Attention> attentions) {
    this.layers = List.copyOf(layers);
    this.attentions = List.copyOf(attentions);
  }

  /** Collects a network's layers. */
  static final class Builder {
    private final List<Layer> layers = new ArrayList<>();
    private final List<Attention> attentions = new ArrayList<>();

    void add(Layer layer) {
      layers.add(layer);
    }

    void add(Attention attention) {
      attentions.add(attention);
    }

    Network build() {
      return new Network(layers, attentions);
    }
  }

  List<Layer> layers() {
    return layers;
  }

  /**
   * Whether a file holds just these layers: their weights and biases in these shapes, and nothing
   * else. If not, the configuration has an option that is not known here, and no number can be
   * trusted.
   */
  public boolean describes(WeightSource weights) {
    int count = 0;
    for (Layer layer : layers) {
      String weight = layer.path() + ".weight";
      if (!weights.contains(weight)
          || !Arrays.equals(weights.info(weight).shape(), layer.weightShape())
          || weights.contains(layer.path() + ".bias") != layer.bias()) {
        return false;
      }
      count += layer.bias() ? 2 : 1;
    }
    return count == weights.names().size();
  }

  /** Number of parameters. */
  public long parameters() {
    return layers.stream().mapToLong(Layer::parameters).sum();
  }

  /**
   * Floating-point operations of the matrix products of one evaluation, a multiplication with its
   * addition counted as two: linear layers, convolutions and attention. Norms, activations and
   * additions are not counted; in these networks they are under one percent.
   */
  public long flops(Extent extent) {
    long sum = 0;
    for (Layer layer : layers) {
      sum += layer.flops(extent);
    }
    for (Attention attention : attentions) {
      sum += attention.flops(extent);
    }
    return extent.batch() * sum;
  }

  /**
   * A rough bound of the memory that activations take: three times the inputs and outputs of the
   * largest layer, in float32.
   */
  public long activationBytes(Extent extent) {
    long largest = 0;
    for (Layer layer : layers) {
      if (layer.isMatrixProduct()) {
        largest =
            Math.max(largest, ((long) layer.in() + layer.out()) * layer.site().positions(extent));
      }
    }
    return 3 * Float.BYTES * largest * extent.batch();
  }
}
