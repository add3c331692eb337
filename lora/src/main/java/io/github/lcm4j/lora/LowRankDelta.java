package io.github.lcm4j.lora;

import java.io.IOException;
import java.nio.FloatBuffer;

/**
 * LoRA and LoCon: {@code ΔW = scale · B·A}, {@code scale = alpha / rank}.
 *
 * <p>Hu et al. 2021, "LoRA", arXiv:2106.09685. A convolution's {@code A [rank, in, kh, kw]} is the
 * matrix {@code [rank, in·kh·kw]}; with LoCon's Tucker core (LyCORIS, arXiv:2309.14859) see {@link
 * LowRank}.
 */
record LowRankDelta(LowRank factors, double scale) implements WeightDelta {
  @Override
  public Rows load(Base base, Workspace workspace) throws IOException {
    LowRank.Loaded loaded = factors.load(workspace);
    return new Rows() {
      @Override
      public void addTo(FloatBuffer target, int from, int to, float weight) {
        loaded.addTo(target, from, to, (float) (weight * scale), workspace);
      }

      @Override
      public boolean isZero() {
        return loaded.isZero();
      }
    };
  }
}
