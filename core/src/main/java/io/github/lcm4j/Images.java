package io.github.lcm4j;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;

/** Reads and resizes pictures as the Python side of the field (Pillow) does. */
public final class Images {
  private Images() {}

  /**
   * Reads a picture file.
   *
   * @param file PNG, JPEG, GIF, BMP or whatever else {@link ImageIO} has a reader for
   * @return the picture
   * @throws IOException if the file is not there, cannot be read or is no picture; the message
   *     names it
   */
  public static BufferedImage read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new IOException(
          "picture %s %s".formatted(file, Files.exists(file) ? "is not a file" : "does not exist"));
    }
    BufferedImage image;
    try {
      image = ImageIO.read(file.toFile());
    } catch (IOException | RuntimeException e) {
      // The readers of the JDK throw unchecked exceptions too where a file is damaged.
      throw new IOException("picture %s is damaged: %s".formatted(file, e.getMessage()), e);
    }
    if (image == null) {
      throw new IOException(
          "%s is not a picture in a known format; there are %s"
              .formatted(file, String.join(", ", ImageIO.getReaderFileSuffixes())));
    }
    return image;
  }

  /**
   * Resizes a picture with a Lanczos filter (a = 3), rounding as Pillow's {@code Image.resize} and
   * so as diffusers' VaeImageProcessor. The proportions are not kept unless asked for.
   *
   * @param image any picture; its transparency is ignored
   * @param width new width, ≥ 1
   * @param height new height, ≥ 1
   * @return a new picture of {@link BufferedImage#TYPE_INT_RGB}
   * @throws IllegalArgumentException if width or height is below 1
   */
  public static BufferedImage resize(BufferedImage image, int width, int height) {
    if (width < 1 || height < 1) {
      throw new IllegalArgumentException(
          "width and height must be at least 1, found %d×%d".formatted(width, height));
    }
    byte[][] planes = Pixels.rgb(image);
    for (int i = 0; i < planes.length; i++) {
      planes[i] =
          LanczosFilter.resize(planes[i], image.getWidth(), image.getHeight(), width, height);
    }
    return Pixels.toImage(planes, width, height);
  }

  static String size(BufferedImage image) {
    return image.getWidth() + "×" + image.getHeight();
  }
}
