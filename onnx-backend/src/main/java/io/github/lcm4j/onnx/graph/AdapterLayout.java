package io.github.lcm4j.onnx.graph;

import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import java.util.ArrayList;
import java.util.List;

/**
 * Where a UNet takes what T2I-Adapters give: one value for each down block, and one for its middle
 * if that has the same size.
 *
 * @param places those of the down blocks, first to last
 * @param middle that of the middle
 */
public record AdapterLayout(List<Place> places, Place middle) {
  /**
   * One value.
   *
   * @param channels its channels
   * @param halvings how often the latents' size was halved
   */
  public record Place(int channels, int halvings) {}

  /** Copies the list. */
  public AdapterLayout {
    places = List.copyOf(places);
  }

  /**
   * The layout of a UNet.
   *
   * @throws CheckpointException if its configuration is not supported
   */
  public static AdapterLayout of(Component unet) throws CheckpointException {
    return of(UnetConfig.of(unet));
  }

  static AdapterLayout of(UnetConfig config) {
    List<Place> places = new ArrayList<>();
    int last = config.downBlockTypes.size() - 1;
    for (int i = 0; i <= last; i++) {
      boolean attends = config.downBlockTypes.get(i).equals("CrossAttnDownBlock2D");
      places.add(new Place(config.blockOutChannels.get(i), attends || i == last ? i : i + 1));
    }
    return new AdapterLayout(places, new Place(config.blockOutChannels.get(last), last));
  }

  /** The name of the UNet's input for a value; that of the middle follows those of the blocks. */
  public static String input(int index) {
    return "adapter_feature." + index;
  }
}
