package io.github.lcm4j.lora;

import java.io.IOException;
import java.nio.FloatBuffer;
import org.jspecify.annotations.Nullable;

/**
 * LoKr: {@code ΔW = scale · W₁ ⊗ W₂}, {@code ΔW[o₁·p + o₂, i₁·q + i₂] = scale · W₁[o₁, i₁] · W₂[o₂,
 * i₂]}; {@code scale = alpha / rank}, or 1 if both factors are whole.
 *
 * <p>Edalati et al. 2022, "KronA", arXiv:2212.10650; LyCORIS, Yeh et al. 2023, arXiv:2309.14859. A
 * convolution's {@code W₂ [p, in₂, kh, kw]} is the matrix {@code [p, in₂·kh·kw]}.
 *
 * @param first W₁
 * @param second W₂
 */
record KroneckerDelta(Part first, Part second, double scale) implements WeightDelta {
  /**
   * A factor of the Kronecker product.
   *
   * @param whole the factor itself, or null
   * @param product what it is a product of, or null if it is whole
   */
  record Part(@Nullable Factor whole, @Nullable LowRank product) {
    int rows() {
      return whole != null ? whole.rows() : product.rows();
    }

    int columns() {
      return whole != null ? whole.columns() : product.columns();
    }

    Factor.Values load(Workspace workspace) throws IOException {
      if (whole != null) {
        return whole.load(workspace);
      }
      LowRank.Loaded loaded = product.load(workspace);
      FloatBuffer values = workspace.zeros(rows() * columns());
      loaded.addTo(values, 0, rows(), 1, workspace);
      return new Factor.Values(values, loaded.isZero());
    }
  }

  @Override
  public Rows load(Base base, Workspace workspace) throws IOException {
    Factor.Values one = first.load(workspace);
    Factor.Values two = second.load(workspace);
    int columns1 = first.columns();
    int columns2 = second.columns();
    int rows2 = second.rows();
    float[] row1 = new float[columns1];
    float[] row2 = new float[columns2];
    float[] part = new float[columns2];
    return new Rows() {
      @Override
      public void addTo(FloatBuffer target, int from, int to, float weight) {
        for (int row = from; row < to; row++) {
          one.floats().get(row / rows2 * columns1, row1);
          two.floats().get(row % rows2 * columns2, row2);
          for (int i = 0; i < columns1; i++) {
            int at = ((row - from) * columns1 + i) * columns2;
            float factor = (float) (weight * scale * row1[i]);
            target.get(at, part);
            for (int j = 0; j < columns2; j++) {
              part[j] += factor * row2[j];
            }
            target.put(at, part);
          }
        }
      }

      @Override
      public boolean isZero() {
        return one.isZero() || two.isZero();
      }
    };
  }
}
