package io.github.lcm4j.lora;

import java.io.IOException;
import java.nio.FloatBuffer;

/**
 * LoHa: {@code ΔW = scale · (A₁·B₁) ⊙ (A₂·B₂)}, {@code scale = alpha / rank}.
 *
 * <p>Hyeon-Woo et al. 2021, "FedPara", arXiv:2108.06098; LyCORIS, Yeh et al. 2023,
 * arXiv:2309.14859. With cores, each pair is rebuilt as {@link LowRank} says.
 */
record HadamardDelta(LowRank first, LowRank second, double scale) implements WeightDelta {
  @Override
  public Rows load(Base base, Workspace workspace) throws IOException {
    LowRank.Loaded one = first.load(workspace);
    LowRank.Loaded two = second.load(workspace);
    int block = base.blockRows() * base.columns();
    FloatBuffer x = workspace.floats(block);
    FloatBuffer y = workspace.floats(block);
    return new Rows() {
      @Override
      public void addTo(FloatBuffer target, int from, int to, float weight) {
        int count = (to - from) * base.columns();
        FloatBuffer left = product(one, x.slice(0, count), from, to);
        FloatBuffer right = product(two, y.slice(0, count), from, to);
        workspace.addScaledProduct(target, (float) (weight * scale), left, right);
      }

      private FloatBuffer product(LowRank.Loaded factors, FloatBuffer into, int from, int to) {
        workspace.fillWithZeros(into);
        factors.addTo(into, from, to, 1, workspace);
        return into;
      }

      @Override
      public boolean isZero() {
        return one.isZero() || two.isZero();
      }
    };
  }
}
