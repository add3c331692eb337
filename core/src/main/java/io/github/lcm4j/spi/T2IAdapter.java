package io.github.lcm4j.spi;

import io.github.lcm4j.tensor.Tensor;
import java.util.List;

/** A small network that steers the UNet by a picture, evaluated once a run. */
public interface T2IAdapter {
  /** Channels of the picture it takes: 3, or 1 for grey. */
  int inChannels();

  /** What the picture's width and height must be a multiple of. */
  int downscaleFactor();

  /**
   * One evaluation.
   *
   * @param image float32 {@code [1, in_channels, height, width]}, 0 to 1
   * @param conditioningScale what all features are multiplied with
   * @return what is to be added inside the UNet, in the order of its down blocks; new writable
   *     tensors {@code [1, channels, …]}
   */
  List<Tensor> features(Tensor image, double conditioningScale);
}
