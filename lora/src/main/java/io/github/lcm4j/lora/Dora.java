package io.github.lcm4j.lora;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * DoRA: magnitude and direction apart. {@code V = W + ΔW}, {@code ΔW′ = m · V / ‖V‖ − W}.
 *
 * <p>Liu et al. 2024, "DoRA", arXiv:2402.09353. The norm is taken for each output (PEFT, and
 * LyCORIS with {@code wd_on_out}: {@code m [out, 1, …]}) or for each input channel over outputs and
 * kernel (LyCORIS otherwise: {@code m [1, in, …]}). A user's weight scales ΔW′ as a whole, as
 * ComfyUI does, and every LoRA starts from the pristine weight, so their order does not matter.
 *
 * @param change ΔW, of whatever format
 * @param magnitude m
 * @param perOutput whether m has an element for each output rather than for each input
 */
record Dora(WeightDelta change, Factor magnitude, boolean perOutput) implements WeightDelta {
  /** Keeps the division defined where a whole row is zero; the reference adds it too. */
  private static final double EPSILON = 0x1p-23;

  @Override
  public Rows load(Base base, Workspace workspace) throws IOException {
    FloatBuffer magnitudes = magnitude.load(workspace).floats();
    Decomposed rows = new Decomposed(base, workspace, change.load(base, workspace), magnitudes);
    if (!perOutput) {
      rows.measureInputs();
    }
    return rows;
  }

  private final class Decomposed implements Rows {
    private final Base base;
    private final Workspace workspace;
    private final Rows changeRows;
    private final FloatBuffer magnitudes;
    private final Tensor scratch;
    private final FloatBuffer direction;
    private final float[] pristine;
    private final float[] turned;
    private final float[] target;

    /** m / ‖V‖ for each column of the matrix; the same throughout where m is per output. */
    private final float[] factors;

    Decomposed(Base base, Workspace workspace, Rows changeRows, FloatBuffer magnitudes) {
      this.base = base;
      this.workspace = workspace;
      this.changeRows = changeRows;
      this.magnitudes = magnitudes;
      int block = base.blockRows() * base.columns();
      scratch = workspace.tensor(base.tensor().dtype() == DType.FLOAT32 ? 0 : block);
      direction = workspace.floats(block);
      pristine = new float[base.columns()];
      turned = new float[base.columns()];
      target = new float[base.columns()];
      factors = new float[base.columns()];
    }

    /** One pass over all rows, for the norms of the input channels. */
    void measureInputs() throws IOException {
      int inputs = magnitudes.capacity();
      int area = base.columns() / inputs;
      double[] squares = new double[inputs];
      for (int from = 0; from < base.rows(); from += base.blockRows()) {
        int to = Math.min(base.rows(), from + base.blockRows());
        int mark = workspace.mark();
        turn(from, to);
        workspace.release(mark);
        for (int row = from; row < to; row++) {
          direction.get((row - from) * base.columns(), turned);
          for (int j = 0; j < turned.length; j++) {
            squares[j / area] += (double) turned[j] * turned[j];
          }
        }
      }
      for (int j = 0; j < factors.length; j++) {
        factors[j] = factor(magnitudes.get(j / area), squares[j / area]);
      }
    }

    @Override
    public void addTo(FloatBuffer to, int from, int until, float weight) throws IOException {
      FloatBuffer before = turn(from, until);
      for (int row = from; row < until; row++) {
        int at = (row - from) * base.columns();
        before.get(at, pristine);
        direction.get(at, turned);
        to.get(at, target);
        if (perOutput) {
          double squares = 0;
          for (float value : turned) {
            squares += (double) value * value;
          }
          Arrays.fill(factors, factor(magnitudes.get(row), squares));
        }
        for (int j = 0; j < target.length; j++) {
          target[j] += weight * (factors[j] * turned[j] - pristine[j]);
        }
        to.put(at, target);
      }
    }

    /** Computes V for some rows into {@code direction} and returns W's. */
    private FloatBuffer turn(int from, int to) throws IOException {
      int count = (to - from) * base.columns();
      FloatBuffer before = base.floats(from, to, scratch);
      FloatBuffer after = direction.slice(0, count);
      after.put(0, before, 0, count);
      changeRows.addTo(after, from, to, 1);
      return before;
    }

    private static float factor(float magnitude, double squares) {
      return (float) (magnitude / (Math.sqrt(squares) + EPSILON));
    }

    @Override
    public boolean isZero() {
      return false; // a magnitude changes the weight even where ΔW is zero
    }
  }
}
