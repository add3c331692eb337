package io.github.lcm4j.cli;

import io.github.lcm4j.InitImage;
import io.github.lcm4j.InpaintMask;
import io.github.lcm4j.StrengthMode;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.IIOException;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** A picture to start from, and a mask for inpainting. */
final class InitImageOptions {
  private static final double IMAGE_STRENGTH = 0.8;
  private static final double MASK_STRENGTH = 1.0;

  @Option(
      names = "--init-image",
      required = true,
      paramLabel = "FILE",
      description = "A picture to start from.")
  private Path image = Path.of(""); // replaced by picocli

  @Option(
      names = "--mask",
      paramLabel = "FILE",
      description = "White where --init-image is to be drawn anew.")
  private @Nullable Path mask;

  @Option(
      names = "--strength",
      paramLabel = "S",
      description =
          "How much of --init-image is given up, above 0 to 1; 0.8 by default, 1 with a mask.")
  private @Nullable Double strength;

  @Option(
      names = "--strength-mode",
      paramLabel = "MODE",
      description =
          "How strength acts: ${COMPLETION-CANDIDATES}; LCM's own way by default with LCM.")
  private @Nullable StrengthMode mode;

  InitImageOptions() {}

  InitImage read() throws IOException {
    double share = strength != null ? strength : mask == null ? IMAGE_STRENGTH : MASK_STRENGTH;
    InitImage init = InitImage.of(read(image), share).strengthMode(mode);
    return mask == null ? init : init.mask(InpaintMask.of(read(mask)));
  }

  private static BufferedImage read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new IOException(
          "picture %s %s".formatted(file, Files.exists(file) ? "is not a file" : "does not exist"));
    }
    BufferedImage picture;
    try {
      picture = ImageIO.read(file.toFile());
    } catch (IIOException | RuntimeException e) { // damaged files make the readers throw anything
      throw new IOException("picture %s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
    if (picture == null) {
      throw new IOException(
          "picture %s is of a kind Java cannot read; PNG, JPEG, BMP and GIF are".formatted(file));
    }
    return picture;
  }
}
