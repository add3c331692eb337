package io.github.lcm4j.scheduler;

import java.util.Arrays;
import java.util.EnumSet;

/**
 * Which training timesteps a run visits; table 2 of Lin et al. (2024), "Common Diffusion Noise
 * Schedules and Sample Steps are Flawed". The arithmetic is numpy's, in double precision, because
 * rounding at halves decides the result.
 */
enum TimestepSpacing {
  /** From the last timestep to the first, both included. */
  LINSPACE,
  /** A whole-numbered stride up from the first timestep. */
  LEADING,
  /** A stride down from the last timestep. */
  TRAILING;

  static TimestepSpacing read(Options options, TimestepSpacing defaultValue) {
    return options.choice("timestep_spacing", defaultValue, EnumSet.allOf(TimestepSpacing.class));
  }

  /**
   * Descending timesteps of a run that ends at clean.
   *
   * @param steps number of steps
   * @param train number of training timesteps
   * @param offset {@code steps_offset}, which counts for {@link #LEADING} only
   * @return whole numbers, but for {@link #LINSPACE}, where the caller rounds
   */
  double[] timesteps(int steps, int train, int offset) {
    return switch (this) {
      case LINSPACE -> reversed(linspace(0, train - 1, steps));
      case LEADING -> leading(steps, stride(train, steps, steps), offset);
      case TRAILING -> trailing(train, train / (double) steps);
    };
  }

  /**
   * Descending, rounded timesteps of a multistep solver, which spaces one more and leaves out the
   * one at clean.
   *
   * @param last number of timesteps counted from clean that may be visited
   */
  double[] timestepsAboveClean(int steps, int train, int last, int offset) {
    return switch (this) {
      case LINSPACE -> withoutLast(rounded(reversed(linspace(0, last - 1, steps + 1))));
      case LEADING -> withoutLast(leading(steps + 1, stride(last, steps + 1, steps), offset));
      case TRAILING -> trailing(last, train / (double) steps);
    };
  }

  /** Rounds halves to even. */
  static double[] rounded(double[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.rint(values[i]);
    }
    return values;
  }

  /** numpy.linspace. */
  static double[] linspace(double start, double stop, int count) {
    double[] values = new double[count];
    double step = count > 1 ? (stop - start) / (count - 1) : 0;
    for (int i = 0; i < count; i++) {
      values[i] = i * step + start;
    }
    if (count > 1) {
      values[count - 1] = stop;
    }
    return values;
  }

  private static int stride(int span, int parts, int steps) {
    int stride = span / parts;
    if (stride == 0) {
      throw new IllegalArgumentException(
          "%d steps are more than timestep_spacing leading can take from %d timesteps; use fewer"
                  .formatted(steps, span)
              + " steps or another spacing");
    }
    return stride;
  }

  private static double[] leading(int count, int stride, int offset) {
    double[] values = new double[count];
    for (int i = 0; i < count; i++) {
      values[i] = (count - 1 - i) * stride + offset;
    }
    return values;
  }

  /** numpy.arange(start, 0, -stride), rounded, less one. */
  private static double[] trailing(int start, double stride) {
    int count = (int) Math.ceil(start / stride);
    double step = start - stride - start; // numpy takes its step from the first two values
    double[] values = new double[count];
    for (int i = 0; i < count; i++) {
      values[i] = Math.rint(start + i * step) - 1;
    }
    // Where start / stride is rounded up past a whole number, numpy yields a value more, at -1.
    return values[count - 1] < 0 ? withoutLast(values) : values;
  }

  private static double[] reversed(double[] values) {
    double[] result = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i] = values[values.length - 1 - i];
    }
    return result;
  }

  private static double[] withoutLast(double[] values) {
    return Arrays.copyOf(values, values.length - 1);
  }
}
