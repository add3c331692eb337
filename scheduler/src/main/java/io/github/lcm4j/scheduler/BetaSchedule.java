package io.github.lcm4j.scheduler;

import java.util.function.DoubleUnaryOperator;

/** How the noise variances β of the training steps grow. Float32, as PyTorch computes them. */
enum BetaSchedule {
  /** Evenly spaced. */
  LINEAR {
    @Override
    float[] betas(int count, double start, double end) {
      return linspace(start, end, count);
    }
  },
  /** Evenly spaced square roots: the schedule of latent diffusion. */
  SCALED_LINEAR {
    @Override
    float[] betas(int count, double start, double end) {
      float[] betas = linspace(Math.sqrt(start), Math.sqrt(end), count);
      for (int i = 0; i < count; i++) {
        betas[i] *= betas[i];
      }
      return betas;
    }
  },
  /** The cosine of Nichol and Dhariwal (2021), β at most 0.999; takes no start and end. */
  SQUAREDCOS_CAP_V2 {
    @Override
    float[] betas(int count, double start, double end) {
      return fromAlphaBar(
          count,
          t -> {
            double cosine = Math.cos((t + 0.008) / 1.008 * Math.PI / 2);
            return cosine * cosine;
          });
    }
  },
  /** ᾱ falls as exp(−12 t); takes no start and end. */
  EXP {
    @Override
    float[] betas(int count, double start, double end) {
      return fromAlphaBar(count, t -> Math.exp(t * -12));
    }
  },
  /** Laplace-distributed log-SNR; takes no start and end. */
  LAPLACE {
    @Override
    float[] betas(int count, double start, double end) {
      return fromAlphaBar(
          count,
          t -> {
            double distance = Math.abs(0.5 - t);
            double lambda = -0.5 * Math.copySign(1, 0.5 - t) * Math.log(1 - 2 * distance + 1e-6);
            double snr = Math.exp(lambda);
            return Math.sqrt(snr / (1 + snr));
          });
    }
  },
  /** A sigmoid between start and end. */
  SIGMOID {
    @Override
    float[] betas(int count, double start, double end) {
      float[] betas = linspace(-6, 6, count);
      for (int i = 0; i < count; i++) {
        float sigmoid = (float) (1 / (1 + Math.exp(-betas[i])));
        betas[i] = sigmoid * (float) (end - start) + (float) start;
      }
      return betas;
    }
  };

  /**
   * The variances.
   *
   * @param count number of training timesteps
   * @param start β of the first
   * @param end β of the last
   */
  abstract float[] betas(int count, double start, double end);

  private static float[] fromAlphaBar(int count, DoubleUnaryOperator alphaBar) {
    float[] betas = new float[count];
    for (int i = 0; i < count; i++) {
      double before = alphaBar.applyAsDouble(i / (double) count);
      double after = alphaBar.applyAsDouble((i + 1) / (double) count);
      betas[i] = (float) Math.min(1 - after / before, 0.999);
    }
    return betas;
  }

  /** torch.linspace in float32: a fused multiply-add from the nearer end. */
  private static float[] linspace(double start, double end, int count) {
    float first = (float) start;
    float last = (float) end;
    float[] values = new float[count];
    float step = count == 1 ? 0 : (last - first) / (count - 1);
    for (int i = 0; i < count; i++) {
      values[i] =
          count == 1 || i < count / 2
              ? Math.fma(step, i, first)
              : Math.fma(-step, count - 1 - i, last);
    }
    return values;
  }
}
