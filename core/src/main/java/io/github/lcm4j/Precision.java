package io.github.lcm4j;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** What the networks of a safetensors checkpoint compute in, whatever type its weights have. */
public enum Precision {
  /** Single precision; the default, and the fastest on a CPU. */
  FLOAT32,

  /**
   * Half precision: half the memory, and much faster on GPUs. Position embeddings stay in single
   * precision, and so does the attention of a UNet that asks for {@code upcast_attention}. The
   * autoencoder of SDXL stays in single precision unless its {@code config.json} says {@code
   * force_upcast: false}, as in diffusers; any other one that overflows runs again in single
   * precision, and {@link GeneratedImage#notes()} says so.
   *
   * <p>ONNX Runtime's CPU provider has few kernels for it: there it is many times slower, and most
   * of the arithmetic between the rounded weights is in single precision.
   */
  FLOAT16;

  /**
   * A precision by its name, in any case.
   *
   * @param name for instance {@code float16}
   * @throws IllegalArgumentException if there is none of that name; the message lists them
   */
  public static Precision named(String name) {
    for (Precision precision : values()) {
      if (precision.name().equalsIgnoreCase(name)) {
        return precision;
      }
    }
    throw new IllegalArgumentException(
        "unknown precision '%s'; there are %s"
            .formatted(
                name,
                Arrays.stream(values())
                    .map(precision -> precision.name().toLowerCase(Locale.ROOT))
                    .collect(Collectors.joining(", "))));
  }
}
