package io.github.lcm4j;

import io.github.lcm4j.spi.Unet;
import java.awt.image.BufferedImage;

/** The size of a request's pictures, and what has to agree with it. */
final class RequestSize {
  private RequestSize() {}

  /**
   * The request with its size filled in: that of the pictures given with it, or else the model's.
   *
   * @throws IllegalArgumentException if a given picture has another size, the size is no multiple
   *     of the VAE's factor or too large for a tensor, or a UNet made for inpainting gets no mask
   */
  static ImageRequest fit(ImageRequest request, LatentSpace space, Unet unet) {
    InitImage init = request.initImage();
    if (space.isForInpainting(unet) && (init == null || init.mask() == null)) {
      throw new IllegalArgumentException(
          "this is an inpainting checkpoint; it needs an initial image with a mask");
    }
    BufferedImage given =
        init != null
            ? init.image()
            : !request.controlImages().isEmpty()
                ? request.controlImages().get(0).image()
                : request.adapterImages().isEmpty() ? null : request.adapterImages().get(0).image();
    int width = request.width();
    int height = request.height();
    if (width == 0) {
      width = given == null ? space.defaultWidth() : given.getWidth();
    }
    if (height == 0) {
      height = given == null ? space.defaultHeight() : given.getHeight();
    }
    if (init != null) {
      require(init.image(), "the initial image", width, height);
    }
    for (int i = 0; i < request.controlImages().size(); i++) {
      require(request.controlImages().get(i).image(), "control image " + i, width, height);
    }
    for (int i = 0; i < request.adapterImages().size(); i++) {
      require(request.adapterImages().get(i).image(), "adapter image " + i, width, height);
    }
    int factor = space.scaleFactor();
    if (width % factor != 0 || height % factor != 0) {
      throw new IllegalArgumentException(
          "size %d×%d must be a multiple of %d in both directions, for instance %d×%d%s"
              .formatted(
                  width,
                  height,
                  factor,
                  roundToMultiple(width, factor),
                  roundToMultiple(height, factor),
                  given == null ? "" : "; resize the given images"));
    }
    long bytes = 3L * Float.BYTES * width * height;
    if (bytes > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "size %d×%d is too large: a decoded picture takes %d bytes, and a tensor holds at most 2 GiB"
              .formatted(width, height, bytes));
    }
    return request.size(width, height);
  }

  private static void require(BufferedImage image, String what, int width, int height) {
    if (image.getWidth() != width || image.getHeight() != height) {
      throw new IllegalArgumentException(
          "%s is %s, the request is for %d×%d; resize the image first or leave the request's size out"
              .formatted(what, Images.size(image), width, height));
    }
  }

  private static int roundToMultiple(int value, int factor) {
    return Math.max(factor, Math.round((float) value / factor) * factor);
  }
}
