package io.github.lcm4j.benchmarks.report;

import java.nio.file.Path;

/**
 * A model at a size: what one panel of the chart and one group of table rows is about.
 *
 * @param checkpoint {@code pocket}, {@code sd15}, {@code sdxl} or a checkpoint folder
 * @param dtype type of the weights as JMH's parameter has it; counts for {@code sd15} and {@code
 *     sdxl} only
 * @param pixels side of the pictures
 * @param batch pictures drawn at once
 */
public record Case(String checkpoint, String dtype, int pixels, int batch) {
  /** Name of the model. */
  public String model() {
    return switch (checkpoint) {
      case "pocket" -> "pocket model";
      case "sd15" -> "SD 1.5, " + dtype;
      case "sdxl" -> "SDXL, " + dtype;
      default -> String.valueOf(Path.of(checkpoint).getFileName());
    };
  }

  /** Size of the pictures, and their number if it is not one. */
  public String size() {
    return "%d×%d".formatted(pixels, pixels) + (batch == 1 ? "" : ", batch " + batch);
  }
}
