package io.github.lcm4j.cli;

import io.github.lcm4j.Images;
import io.github.lcm4j.InitImage;
import io.github.lcm4j.InpaintMask;
import io.github.lcm4j.StrengthMode;
import java.io.IOException;
import java.nio.file.Path;
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
          "How strength acts: ${COMPLETION-CANDIDATES}; the schedule is cut by default, but for a"
              + " full latent consistency model.")
  private @Nullable StrengthMode mode;

  InitImageOptions() {}

  InitImage read() throws IOException {
    double share = strength != null ? strength : mask == null ? IMAGE_STRENGTH : MASK_STRENGTH;
    InitImage init = InitImage.of(Images.read(image), share).strengthMode(mode);
    return mask == null ? init : init.mask(InpaintMask.of(Images.read(mask)));
  }
}
