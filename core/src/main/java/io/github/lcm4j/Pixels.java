package io.github.lcm4j;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBufferInt;
import java.awt.image.Raster;
import java.nio.FloatBuffer;

/**
 * The stored 8-bit samples of pictures. They are read as they lie in the file: Java would take grey
 * pictures for linear light and return brighter ones, where Pillow does not.
 */
final class Pixels {
  private Pixels() {}

  /** Red, green and blue as planes of unsigned bytes; transparency is ignored. */
  static byte[][] rgb(BufferedImage image) {
    int width = image.getWidth();
    int height = image.getHeight();
    byte[][] planes = new byte[3][width * height];
    if (image.getColorModel() instanceof ComponentColorModel model
        && !model.isAlphaPremultiplied()
        && isPlain(model)) {
      for (int band = 0; band < 3; band++) {
        // A grey picture has but one band of colour.
        readBand(
            image.getRaster(),
            Math.min(band, model.getNumColorComponents() - 1),
            model,
            planes[band]);
      }
      return planes;
    }
    int[] row = new int[width];
    for (int y = 0; y < height; y++) {
      image.getRGB(0, y, width, 1, row, 0, width);
      for (int x = 0; x < width; x++) {
        planes[0][y * width + x] = (byte) (row[x] >> 16);
        planes[1][y * width + x] = (byte) (row[x] >> 8);
        planes[2][y * width + x] = (byte) row[x];
      }
    }
    return planes;
  }

  /** Grey or RGB of whole-number samples, in bands of their own. */
  private static boolean isPlain(ColorModel model) {
    int type = model.getColorSpace().getType();
    return (type == ColorSpace.TYPE_GRAY || type == ColorSpace.TYPE_RGB)
        && model.getTransferType() <= java.awt.image.DataBuffer.TYPE_USHORT;
  }

  private static void readBand(Raster raster, int band, ColorModel model, byte[] plane) {
    int width = raster.getWidth();
    int most = (1 << model.getComponentSize(band)) - 1;
    int[] row = new int[width];
    for (int y = 0; y < raster.getHeight(); y++) {
      raster.getSamples(raster.getMinX(), raster.getMinY() + y, width, 1, band, row);
      for (int x = 0; x < width; x++) {
        plane[y * width + x] = (byte) (most == 255 ? row[x] : row[x] * 255L / most);
      }
    }
  }

  /** Luma of ITU-R 601, rounded as Pillow's {@code convert("L")} rounds. */
  static byte[] gray(BufferedImage image) {
    byte[][] rgb = rgb(image);
    byte[] gray = new byte[rgb[0].length];
    for (int i = 0; i < gray.length; i++) {
      int sum = 19595 * (rgb[0][i] & 255) + 38470 * (rgb[1][i] & 255) + 7471 * (rgb[2][i] & 255);
      gray[i] = (byte) (sum + 0x8000 >> 16);
    }
    return gray;
  }

  static BufferedImage toImage(byte[][] rgb, int width, int height) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    int[] pixels = ((DataBufferInt) image.getRaster().getDataBuffer()).getData();
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (rgb[0][i] & 255) << 16 | (rgb[1][i] & 255) << 8 | rgb[2][i] & 255;
    }
    return image;
  }

  /**
   * What networks take for a picture.
   *
   * @param planes unsigned bytes
   * @param symmetric whether 0…255 becomes −1…1 (autoencoders) rather than 0…1 (ControlNets)
   * @return float32 {@code [1, planes, height, width]}
   */
  static Tensor toTensor(byte[][] planes, int width, int height, boolean symmetric) {
    float[] values = new float[256];
    for (int i = 0; i < values.length; i++) {
      values[i] = symmetric ? 2 * (i / 255f) - 1 : i / 255f;
    }
    Tensor tensor = Tensor.allocate(DType.FLOAT32, 1, planes.length, height, width);
    FloatBuffer out = tensor.floats();
    for (byte[] plane : planes) {
      for (byte sample : plane) {
        out.put(values[sample & 255]);
      }
    }
    return tensor;
  }
}
