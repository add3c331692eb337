package io.github.lcm4j;

import io.github.lcm4j.spi.VaeDecoder;
import io.github.lcm4j.spi.VaeEncoder;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * An autoencoder that works on large pictures tile by tile, as diffusers' AutoencoderKL with
 * tiling: tiles of the size it was trained on overlap by a quarter, and each fades in over its
 * upper and left neighbours. What fits one tile is done whole.
 *
 * @param tile size of a tile in pixels, a multiple of four latent cells
 * @param factor picture pixels a latent cell stands for, per side
 */
record TiledVae(int tile, int factor) {
  /** A quarter of a tile must be whole cells, or the tiles would not meet. */
  private static final int QUARTERS = 4;

  /** Tiles of about a size in pixels. */
  static TiledVae of(int size, int factor) {
    int unit = QUARTERS * factor;
    return new TiledVae(Math.max(1, size / unit) * unit, factor);
  }

  VaeDecoder decoder(VaeDecoder whole) {
    return new VaeDecoder() {
      @Override
      public int scaleFactor() {
        return whole.scaleFactor();
      }

      @Override
      public Tensor decode(Tensor latents) {
        return inTiles(latents, tile / factor, tile, whole::decode);
      }
    };
  }

  VaeEncoder encoder(VaeEncoder whole) {
    return image -> inTiles(image, tile, tile / factor, whole::encode);
  }

  /** Runs a network over a single picture. */
  private static Tensor inTiles(Tensor in, int inSize, int outSize, UnaryOperator<Tensor> network) {
    int height = (int) in.dimension(2);
    int width = (int) in.dimension(3);
    if (height <= inSize && width <= inSize) {
      return network.apply(in);
    }
    int inStep = inSize - inSize / QUARTERS;
    int blend = outSize / QUARTERS;
    int outStep = outSize - blend;
    Tensor out = null;
    List<Tensor> above = List.of();
    for (int y = 0; y < height; y += inStep) {
      List<Tensor> row = new ArrayList<>();
      for (int x = 0; x < width; x += inStep) {
        int right = Math.min(width, x + inSize);
        Tensor part = network.apply(cut(in, y, Math.min(height, y + inSize), x, right));
        if (!above.isEmpty()) {
          fadeDown(above.get(row.size()), part, blend);
        }
        if (!row.isEmpty()) {
          fadeRight(row.get(row.size() - 1), part, blend);
        }
        if (out == null) {
          long outHeight = (long) height * outSize / inSize;
          long outWidth = (long) width * outSize / inSize;
          out = Tensor.allocate(DType.FLOAT32, 1, part.dimension(1), outHeight, outWidth);
        }
        paste(part, out, y / inStep * outStep, row.size() * outStep, outStep);
        row.add(part);
      }
      above = row;
    }
    return out;
  }

  private static Tensor cut(Tensor in, int top, int bottom, int left, int right) {
    int channels = (int) in.dimension(1);
    Tensor part = Tensor.allocate(DType.FLOAT32, 1, channels, bottom - top, right - left);
    FloatBuffer from = in.floats();
    FloatBuffer to = part.floats();
    for (int channel = 0; channel < channels; channel++) {
      for (int y = top; y < bottom; y++) {
        int start = ((int) in.dimension(2) * channel + y) * (int) in.dimension(3) + left;
        to.put(from.slice(start, right - left));
      }
    }
    return part;
  }

  /** The upper left of a tile, at most a step of it; what lies beyond comes from its neighbours. */
  private static void paste(Tensor part, Tensor out, int top, int left, int step) {
    int rows = (int) Math.min(Math.min(part.dimension(2), step), out.dimension(2) - top);
    int columns = (int) Math.min(Math.min(part.dimension(3), step), out.dimension(3) - left);
    FloatBuffer from = part.floats();
    FloatBuffer to = out.floats();
    for (int channel = 0; channel < part.dimension(1); channel++) {
      for (int y = 0; y < rows; y++) {
        int start = ((int) part.dimension(2) * channel + y) * (int) part.dimension(3);
        int target = ((int) out.dimension(2) * channel + top + y) * (int) out.dimension(3) + left;
        to.put(target, from, start, columns);
      }
    }
  }

  /** The upper edge of a tile comes in over the lower edge of the one above. */
  private static void fadeDown(Tensor above, Tensor part, int blend) {
    int extent = (int) Math.min(Math.min(above.dimension(2), part.dimension(2)), blend);
    int width = (int) part.dimension(3);
    FloatBuffer from = above.floats();
    FloatBuffer to = part.floats();
    for (int channel = 0; channel < part.dimension(1); channel++) {
      int source = ((int) above.dimension(2) * (channel + 1) - extent) * width;
      int target = (int) part.dimension(2) * channel * width;
      for (int i = 0; i < extent * width; i++) {
        mix(from.get(source + i), to, target + i, (float) (i / width) / extent);
      }
    }
  }

  /** The left edge of a tile comes in over the right edge of the one before. */
  private static void fadeRight(Tensor before, Tensor part, int blend) {
    int extent = (int) Math.min(Math.min(before.dimension(3), part.dimension(3)), blend);
    FloatBuffer from = before.floats();
    FloatBuffer to = part.floats();
    int rows = (int) (part.dimension(1) * part.dimension(2));
    for (int row = 0; row < rows; row++) {
      int source = (row + 1) * (int) before.dimension(3) - extent;
      int target = row * (int) part.dimension(3);
      for (int i = 0; i < extent; i++) {
        mix(from.get(source + i), to, target + i, (float) i / extent);
      }
    }
  }

  private static void mix(float old, FloatBuffer values, int index, float share) {
    values.put(index, old * (1 - share) + values.get(index) * share);
  }
}
