package io.github.lcm4j.benchmarks.model;

import io.github.lcm4j.safetensors.SafetensorsWriter;
import io.github.lcm4j.safetensors.TensorEntry;
import io.github.lcm4j.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writes LoRAs of random weights in the shape of the published LCM-LoRAs (Luo et al. 2023): kohya's
 * keys, float16, rank 64, alpha 8, over all linear layers and convolutions of the UNet's blocks.
 */
public final class SyntheticLora {
  /** Rank of the published LCM-LoRAs. */
  public static final int RANK = 64;

  private static final float ALPHA = 8;
  private static final double UP_DEVIATION = 0.01;

  private SyntheticLora() {}

  /**
   * Writes a LoRA, one tensor at a time.
   *
   * @param unet the network it is for
   * @param rank width of its bottleneck
   * @param file the safetensors file; it appears when it is whole
   */
  public static void write(Network unet, int rank, Path file) throws IOException {
    RandomWeights weights = new RandomWeights(DType.FLOAT16);
    List<TensorEntry> entries = new ArrayList<>();
    for (Layer layer : touched(unet)) {
      String key = "lora_unet_" + layer.path().replace('.', '_');
      boolean convolution = layer.kind() == Layer.Kind.CONVOLUTION;
      long kernel = layer.kernel();
      entries.add(weights.constant(key + ".alpha", ALPHA));
      entries.add(
          weights.uniform(
              key + ".lora_down.weight",
              1 / Math.sqrt(layer.fanIn()),
              convolution
                  ? new long[] {rank, layer.in(), kernel, kernel}
                  : new long[] {rank, layer.in()}));
      entries.add(
          weights.uniform(
              key + ".lora_up.weight",
              UP_DEVIATION,
              convolution ? new long[] {layer.out(), rank, 1, 1} : new long[] {layer.out(), rank}));
    }
    Files.createDirectories(file.toAbsolutePath().getParent());
    SafetensorsWriter.write(file, entries, Map.of());
  }

  /** The layers that LCM-LoRA changes: all of the blocks', none before or after them. */
  private static List<Layer> touched(Network unet) {
    return unet.layers().stream()
        .filter(Layer::isMatrixProduct)
        .filter(layer -> layer.path().contains("_block"))
        .toList();
  }

  /** Number of layers it changes. */
  public static int layers(Network unet) {
    return touched(unet).size();
  }

  /** Number of weights it changes. */
  public static long touchedWeights(Network unet) {
    return touched(unet).stream().mapToLong(layer -> layer.out() * layer.fanIn()).sum();
  }

  /** Floating-point operations of the products up · down of all layers. */
  public static long foldingFlops(Network unet, int rank) {
    return 2L * rank * touchedWeights(unet);
  }
}
