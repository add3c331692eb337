package io.github.lcm4j;

import io.github.lcm4j.spi.T2IAdapter;
import io.github.lcm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * The T2I-Adapters of a run with their pictures, as diffusers' StableDiffusionAdapterPipeline: what
 * several of them give is added up.
 */
final class Adapters {
  /** What an adapter gives for the run. */
  private record Steering(List<Tensor> features, AdapterImage settings) {}

  private final List<Steering> all = new ArrayList<>();

  /**
   * Evaluates adapters on pictures.
   *
   * @param images one for each, or none at all
   * @throws IllegalArgumentException if there is another number of pictures, or one has colours
   *     where its adapter takes grey, or a size that its adapter cannot divide
   */
  Adapters(List<T2IAdapter> adapters, List<AdapterImage> images) {
    if (!images.isEmpty() && images.size() != adapters.size()) {
      throw new IllegalArgumentException(
          "the request has %d adapter images, the pipeline %d T2I-Adapters; give one image for each"
              .formatted(images.size(), adapters.size()));
    }
    for (int i = 0; i < images.size(); i++) {
      AdapterImage image = images.get(i);
      T2IAdapter adapter = adapters.get(i);
      int factor = adapter.downscaleFactor();
      int width = image.image().getWidth();
      int height = image.image().getHeight();
      if (width % factor != 0 || height % factor != 0) {
        throw new IllegalArgumentException(
            "adapter image %d is %d×%d; its T2I-Adapter takes multiples of %d"
                .formatted(i, width, height, factor));
      }
      Tensor pixels =
          Controls.pixels(image.image(), adapter.inChannels(), "adapter image " + i, "T2I-Adapter");
      all.add(new Steering(adapter.features(pixels, image.conditioningScale()), image));
    }
  }

  /**
   * What is to be added at a step; empty where nothing is.
   *
   * @param step number of the step within the run, from 0
   * @param total number of steps of the run
   */
  List<Tensor> at(int step, int total) {
    List<Tensor> sum = List.of();
    for (Steering steering : all) {
      if (step >= (int) (total * steering.settings().conditioningFactor())) {
        continue;
      }
      if (sum.isEmpty()) {
        sum = steering.features();
      } else {
        sum = sum.stream().map(Tensor::copy).toList();
        for (int i = 0; i < sum.size(); i++) {
          Tensors.addTo(sum.get(i), steering.features().get(i));
        }
      }
    }
    return sum;
  }
}
