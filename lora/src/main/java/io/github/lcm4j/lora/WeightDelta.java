package io.github.lcm4j.lora;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.FloatBuffer;

/**
 * A change of one weight, seen as the matrix {@code [out, in·kh·kw]}: its scale is part of it, the
 * weight the user gives it is not.
 */
sealed interface WeightDelta permits LowRankDelta, HadamardDelta, KroneckerDelta, WholeDelta, Dora {
  /**
   * Reads the file's tensors and computes what all rows share.
   *
   * @param base the weight as the checkpoint has it
   * @param workspace memory that stays in use until the weight is done
   * @throws LoraException if a number is NaN or infinite
   * @throws IOException if the file cannot be read
   */
  Rows load(Base base, Workspace workspace) throws IOException;

  /** A change that is ready to be added, some rows at a time. */
  interface Rows {
    /**
     * Adds {@code weight} times rows {@code [from, to)} of the change.
     *
     * @param target {@code [to − from, columns]}
     * @throws LoraException if a number is NaN or infinite
     * @throws IOException if the file cannot be read
     */
    void addTo(FloatBuffer target, int from, int to, float weight) throws IOException;

    /** Whether all rows added so far were zero. */
    boolean isZero();
  }

  /**
   * A pristine weight, cut into rows.
   *
   * @param tensor the weight
   * @param rows extent of its first axis
   * @param columns product of its other extents
   * @param blockRows how many rows to work on at a time
   */
  record Base(Tensor tensor, int rows, int columns, int blockRows) {
    /** A weight of at least one axis, to be worked on about {@code blockElements} at a time. */
    static Base of(Tensor tensor, int blockElements) {
      int rows = (int) tensor.dimension(0);
      int columns = tensor.elementCount() / rows;
      return new Base(tensor, rows, columns, Math.min(rows, Math.max(1, blockElements / columns)));
    }

    /**
     * Rows {@code [from, to)} in float32: the weight itself, or widened into the scratch tensor.
     */
    FloatBuffer floats(int from, int to, Tensor scratch) {
      int count = (to - from) * columns;
      if (tensor.dtype() == DType.FLOAT32) {
        return tensor.floats().slice(from * columns, count);
      }
      Tensor wide = scratch.rows(0, count);
      tensor.rows(from, to).castInto(wide);
      return wide.floats();
    }
  }
}
