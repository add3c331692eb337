package io.github.lcm4j.lora;

import java.io.IOException;
import java.nio.FloatBuffer;

/**
 * A whole difference: {@code ΔW = scale · diff}; LyCORIS' "full" and "norm" modules and what
 * extraction tools write for weights too small to decompose have scale 1. PEFT's bias beside B has
 * the scale of its LoRA.
 */
record WholeDelta(Factor diff, double scale) implements WeightDelta {
  @Override
  public Rows load(Base base, Workspace workspace) {
    return new Rows() {
      private boolean zero = true;

      @Override
      public void addTo(FloatBuffer target, int from, int to, float weight) throws IOException {
        Factor.Values rows = diff.loadRows(from, to, workspace);
        zero &= rows.isZero();
        workspace.addScaled(target, (float) (weight * scale), rows.floats());
      }

      @Override
      public boolean isZero() {
        return zero;
      }
    };
  }
}
