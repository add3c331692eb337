package io.github.lcm4j.scheduler;

import static io.github.lcm4j.scheduler.LogSnrSampler.exp;

/**
 * The update formulas of DPM-Solver, as weights of a sum: x ← sample·x + d0·D₀ + d1·D₁ + d2·D₂ +
 * noise·z, where D₀ is the newest prediction and D₁, D₂ its divided differences.
 *
 * @param predictsOriginal whether predictions are x₀ (DPM-Solver++) or ε (DPM-Solver)
 * @param stochastic whether the sde variant is meant
 * @param heun whether the second order is of Heun's type or the midpoint's
 */
record DpmUpdate(boolean predictsOriginal, boolean stochastic, boolean heun) {
  record Weights(float sample, float d0, float d1, float d2, float noise) {}

  /**
   * The weights of one step.
   *
   * @param order 1 to 3
   * @param h the step in λ
   * @param alpha weight of x₀ before the step
   * @param spread weight of ε before the step
   * @param alphaNext weight of x₀ after the step
   * @param spreadNext weight of ε after the step
   */
  Weights weights(
      int order, float h, float alpha, float spread, float alphaNext, float spreadNext) {
    boolean midpoint = order == 2 && !heun;
    if (predictsOriginal) {
      float ratio = spreadNext / spread;
      if (!stochastic) {
        float phi = exp(-h) - 1;
        return new Weights(
            ratio,
            -(alphaNext * phi),
            midpoint ? -(0.5f * (alphaNext * phi)) : alphaNext * (phi / h + 1),
            -(alphaNext * ((phi + h) / (h * h) - 0.5f)),
            0);
      }
      float phi = 1 - exp(-2 * h);
      return new Weights(
          ratio * exp(-h),
          alphaNext * phi,
          midpoint ? 0.5f * (alphaNext * phi) : alphaNext * (phi / (-2 * h) + 1),
          alphaNext * ((phi - 2 * h) / (2 * h * (2 * h)) - 0.5f),
          spreadNext * (float) Math.sqrt(phi));
    }
    float ratio = alphaNext / alpha;
    float phi = exp(h) - 1;
    float first = -(spreadNext * phi);
    float second = midpoint ? 0.5f * first : -(spreadNext * (phi / h - 1));
    if (!stochastic) {
      return new Weights(ratio, first, second, -(spreadNext * ((phi - h) / (h * h) - 0.5f)), 0);
    }
    return new Weights(
        ratio, 2 * first, 2 * second, 0, spreadNext * (float) Math.sqrt(exp(2 * h) - 1));
  }
}
