package io.github.lcm4j.onnx.graph;

import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import java.util.ArrayList;
import java.util.List;

/**
 * What a ControlNet hands to a UNet: one value for each skip connection and one for the middle.
 *
 * @param downBlocks those of the skip connections, first to last
 * @param midBlock that of the middle
 * @param downsamplePadding padding of the convolutions that halve the size
 */
public record ResidualLayout(List<Level> downBlocks, Level midBlock, int downsamplePadding) {
  /**
   * One value.
   *
   * @param channels its channels
   * @param depth how often its size was halved
   */
  public record Level(int channels, int depth) {}

  /** Copies the list. */
  public ResidualLayout {
    downBlocks = List.copyOf(downBlocks);
  }

  /**
   * The layout a UNet takes.
   *
   * @throws CheckpointException if its configuration is not supported
   */
  public static ResidualLayout ofUnet(Component component) throws CheckpointException {
    return of(UnetConfig.of(component));
  }

  /**
   * The layout a ControlNet gives.
   *
   * @throws CheckpointException if its configuration is not supported
   */
  public static ResidualLayout ofControlNet(Component component) throws CheckpointException {
    return of(UnetConfig.ofControlNet(component));
  }

  private static ResidualLayout of(UnetConfig config) {
    List<Level> levels = new ArrayList<>();
    levels.add(new Level(config.blockOutChannels.get(0), 0));
    int last = config.blockOutChannels.size() - 1;
    for (int i = 0; i <= last; i++) {
      int channels = config.blockOutChannels.get(i);
      for (int layer = 0; layer < config.layersPerBlock.get(i); layer++) {
        levels.add(new Level(channels, i));
      }
      if (i < last) {
        levels.add(new Level(channels, i + 1));
      }
    }
    return new ResidualLayout(
        levels,
        new Level(config.blockOutChannels.get(last), last),
        config.component().intOr("downsample_padding", 1));
  }

  /** The shape of a value for latents of a batch, height and width. */
  public long[] shape(Level level, long batch, long height, long width) {
    for (int i = 0; i < level.depth(); i++) {
      height = halved(height);
      width = halved(width);
    }
    return new long[] {batch, level.channels(), height, width};
  }

  private long halved(long extent) {
    // Without padding diffusers pads one side by hand.
    int padding = downsamplePadding == 0 ? 1 : 2 * downsamplePadding;
    return (extent + padding - 3) / 2 + 1;
  }
}
