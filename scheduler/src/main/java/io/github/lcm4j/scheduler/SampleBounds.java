package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.Elementwise.map;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.FloatBuffer;
import java.util.Arrays;

/** Keeps a predicted clean sample in range: dynamic thresholding, clipping, or neither. */
final class SampleBounds {
  private final boolean thresholding;
  private final float ratio;
  private final float maxValue;
  private final boolean clipping;
  private final float clipRange;

  private SampleBounds(
      boolean thresholding, float ratio, float maxValue, boolean clipping, float clipRange) {
    this.thresholding = thresholding;
    this.ratio = ratio;
    this.maxValue = maxValue;
    this.clipping = clipping;
    this.clipRange = clipRange;
  }

  /** For a scheduler that has both kinds of options; thresholding goes before clipping. */
  static SampleBounds read(Options options, boolean clipByDefault) {
    SampleBounds thresholding = readThresholding(options);
    SampleBounds clipping = readClipping(options, clipByDefault);
    return new SampleBounds(
        thresholding.thresholding,
        thresholding.ratio,
        thresholding.maxValue,
        clipping.clipping,
        clipping.clipRange);
  }

  /** For a scheduler that knows thresholding only. */
  static SampleBounds readThresholding(Options options) {
    return new SampleBounds(
        options.flag("thresholding", false),
        (float) options.fraction("dynamic_thresholding_ratio", 0.995),
        (float) options.number("sample_max_value", 1.0),
        false,
        0);
  }

  /** For a scheduler that knows clipping only. */
  static SampleBounds readClipping(Options options, boolean clipByDefault) {
    return new SampleBounds(
        false,
        0,
        0,
        options.flag("clip_sample", clipByDefault),
        (float) options.number("clip_sample_range", 1.0));
  }

  boolean thresholds() {
    return thresholding;
  }

  /** The sample in range: a new tensor, or the given one if there are no bounds. */
  Tensor apply(Tensor sample) {
    if (thresholding) {
      return threshold(sample);
    }
    return clipping ? map(sample, x -> clamp(x, -clipRange, clipRange)) : sample;
  }

  /**
   * Dynamic thresholding of Saharia et al. (2022), section 2.3: each sample of the batch is clipped
   * to a quantile s of its magnitudes, 1 ≤ s ≤ sample_max_value, and divided by s.
   */
  private Tensor threshold(Tensor batch) {
    Tensor result = Tensor.allocate(DType.FLOAT32, batch.shape());
    int samples = (int) batch.dimension(0);
    for (int n = 0; n < samples; n++) {
      float[] values = batch.rows(n, n + 1).toFloatArray();
      float bound = clamp(quantileOfMagnitudes(values), 1, maxValue);
      FloatBuffer out = result.rows(n, n + 1).floats();
      for (float value : values) {
        out.put(clamp(value, -bound, bound) / bound);
      }
    }
    return result;
  }

  private float quantileOfMagnitudes(float[] values) {
    float[] sorted = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      sorted[i] = Math.abs(values[i]);
    }
    Arrays.sort(sorted);
    float rank = ratio * (sorted.length - 1);
    int below = (int) rank;
    float low = sorted[below];
    float high = sorted[Math.min(below + 1, sorted.length - 1)];
    return low + (rank - below) * (high - low);
  }

  private static float clamp(float value, float min, float max) {
    return Math.min(Math.max(value, min), max);
  }
}
