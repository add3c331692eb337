package io.github.lcm4j;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.nio.FloatBuffer;

/**
 * A mask as bytes, blurred where asked for: 255 where to draw, 0 where to keep.
 *
 * @param values row by row
 */
record MaskPixels(byte[] values, int width, int height) {
  /** From here on a mask counts as white, as in diffusers' VaeImageProcessor. */
  private static final int WHITE = 128;

  static MaskPixels of(InpaintMask mask) {
    int width = mask.image().getWidth();
    int height = mask.image().getHeight();
    byte[] gray = Pixels.gray(mask.image());
    return new MaskPixels(GaussianBlur.blur(gray, width, height, mask.blur()), width, height);
  }

  private boolean isWhite(int index) {
    return (values[index] & 255) >= WHITE;
  }

  /** The mask at the latents' size, 0 or 1: the first pixel of each cell decides. */
  Tensor toLatents(int factor) {
    Tensor mask = Tensor.allocate(DType.FLOAT32, 1, 1, height / factor, width / factor);
    FloatBuffer out = mask.floats();
    for (int y = 0; y < height / factor; y++) {
      for (int x = 0; x < width / factor; x++) {
        out.put(isWhite(y * factor * width + x * factor) ? 1 : 0);
      }
    }
    return mask;
  }

  /** The picture with a middle grey (0 of −1…1) where the mask is white. */
  Tensor erase(Tensor picture) {
    Tensor result = picture.copy();
    FloatBuffer out = result.floats();
    for (int i = 0; i < out.capacity(); i++) {
      if (isWhite(i % values.length)) {
        out.put(i, 0);
      }
    }
    return result;
  }

  /** The drawn picture inside, the original outside, and both mixed where the mask is grey. */
  BufferedImage mix(BufferedImage original, BufferedImage drawn) {
    byte[][] outside = Pixels.rgb(original);
    byte[][] inside = Pixels.rgb(drawn);
    for (int plane = 0; plane < inside.length; plane++) {
      for (int i = 0; i < values.length; i++) {
        int share = values[i] & 255;
        int sum = (inside[plane][i] & 255) * share + (outside[plane][i] & 255) * (255 - share);
        inside[plane][i] = (byte) ((sum + 127) / 255);
      }
    }
    return Pixels.toImage(inside, width, height);
  }
}
