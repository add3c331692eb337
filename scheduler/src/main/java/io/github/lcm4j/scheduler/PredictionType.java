package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.Elementwise.map;

import io.github.lcm4j.tensor.Tensor;
import java.util.EnumSet;
import java.util.Set;

/** What the model was trained to predict. x = α x₀ + s ε with α² + s² = 1, or x = x₀ + σ ε. */
enum PredictionType {
  /** The noise ε. */
  EPSILON,
  /** The clean sample x₀. */
  SAMPLE,
  /** The velocity v = α ε − s x₀ of Salimans and Ho (2022). */
  V_PREDICTION;

  static final Set<PredictionType> ALL = EnumSet.allOf(PredictionType.class);

  static PredictionType read(Options options, Set<PredictionType> allowed) {
    return options.choice("prediction_type", EPSILON, allowed);
  }

  /** The clean sample of a variance-preserving process; a new tensor. */
  Tensor originalSample(Tensor sample, Tensor output, float alpha, float noise) {
    return switch (this) {
      case EPSILON -> map(sample, output, (x, epsilon) -> (x - noise * epsilon) / alpha);
      case SAMPLE -> output.copy();
      case V_PREDICTION -> map(sample, output, (x, v) -> alpha * x - noise * v);
    };
  }

  /** The noise of a variance-preserving process; a new tensor. */
  Tensor epsilon(Tensor sample, Tensor output, float alpha, float noise) {
    return switch (this) {
      case EPSILON -> output.copy();
      case SAMPLE -> map(sample, output, (x, original) -> (x - alpha * original) / noise);
      case V_PREDICTION -> map(sample, output, (x, v) -> alpha * v + noise * x);
    };
  }

  /** The clean sample of a variance-exploding process; a new tensor. */
  Tensor originalSample(Tensor sample, Tensor output, float sigma) {
    return switch (this) {
      case EPSILON -> map(sample, output, (x, epsilon) -> x - sigma * epsilon);
      case SAMPLE -> output.copy();
      case V_PREDICTION -> {
        float variance = sigma * sigma + 1;
        float weight = -sigma / (float) Math.sqrt(variance);
        yield map(sample, output, (x, v) -> v * weight + x / variance);
      }
    };
  }
}
