package io.github.lcm4j.lora;

import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Folds all changes of one weight: {@code W′ = W + Σ wᵢ·ΔWᵢ} in float32, cast once.
 *
 * <p>It goes through the weight some rows at a time, so that copying, adding and casting find them
 * in the cache, and so that a half-precision weight needs no float32 copy of the whole.
 */
final class WeightFolder implements AutoCloseable {
  /** The largest finite float16, plus half of its last place: what rounds to infinity. */
  private static final int FLOAT16_OVERFLOW_BITS = Float.floatToRawIntBits(65520f);

  /** Elements worked on at a time: few enough for the caches, enough rows for a fast product. */
  static final int BLOCK_ELEMENTS = 1 << 21;

  private final Workspace workspace;
  private final int blockElements;
  private final boolean keepFloat32;

  WeightFolder(MatrixProduct product, int blockElements, boolean keepFloat32) {
    this.workspace = new Workspace(product);
    this.blockElements = blockElements;
    this.keepFloat32 = keepFloat32;
  }

  /** Where a folded weight is to lie. */
  interface Memory {
    Tensor allocate(DType dtype, long... shape);
  }

  /**
   * A change and how strongly it is to act.
   *
   * @param delta the change
   * @param weight the user's weight
   * @param file the file it is from
   * @param key a key it is from, for messages
   * @param fileIndex position of the file in the list of LoRAs
   */
  record Contribution(WeightDelta delta, float weight, LoraFile file, LoraKey key, int fileIndex) {}

  /**
   * A folded weight.
   *
   * @param tensor the new weight, in the base's shape and in its type or float32
   * @param effective by contribution, whether it was anything but zero
   */
  record Folded(Tensor tensor, boolean[] effective) {}

  /**
   * Folds.
   *
   * @param name the weight's name
   * @param source the checkpoint that has it
   * @param contributions at least one change of it
   * @param memory where the result is to lie
   * @throws LoraException if a file's number is NaN or infinite, or the sum overflows float16
   * @throws IOException if the weight cannot be read
   */
  Folded fold(String name, WeightSource source, List<Contribution> contributions, Memory memory)
      throws IOException {
    workspace.release(0);
    Tensor pristine = source.tensor(name);
    WeightDelta.Base base = WeightDelta.Base.of(pristine, blockElements);
    List<WeightDelta.Rows> changes = new ArrayList<>();
    for (Contribution contribution : contributions) {
      changes.add(contribution.delta().load(base, workspace));
    }
    boolean wide = keepFloat32 || pristine.dtype() == DType.FLOAT32;
    DType dtype = wide ? DType.FLOAT32 : pristine.dtype();
    Tensor result = memory.allocate(dtype, pristine.shape());
    Tensor block = workspace.tensor(wide ? 0 : base.blockRows() * base.columns());
    boolean casts = wide && pristine.dtype() != DType.FLOAT32;
    int blockElements = base.blockRows() * base.columns();
    Tensor stored = workspace.tensor(pristine.dtype(), casts ? blockElements : 0);
    for (int from = 0; from < base.rows(); from += base.blockRows()) {
      int to = Math.min(base.rows(), from + base.blockRows());
      int count = (to - from) * base.columns();
      FloatBuffer sum;
      if (wide) {
        Tensor rows = result.reshape(base.rows(), base.columns()).rows(from, to);
        if (casts) {
          source.read(name, (long) from * base.columns(), stored.rows(0, count));
          stored.rows(0, count).castInto(rows);
        } else {
          source.read(name, (long) from * base.columns(), rows);
        }
        sum = result.floats().slice(from * base.columns(), count);
      } else {
        sum = base.floats(from, to, block);
      }
      int mark = workspace.mark();
      for (int i = 0; i < changes.size(); i++) {
        changes.get(i).addTo(sum, from, to, contributions.get(i).weight());
        workspace.release(mark);
      }
      if (!wide) {
        checkRange(name, pristine.dtype(), sum, contributions);
        block.rows(0, count).castInto(result.rows(from, to));
      }
    }
    boolean[] effective = new boolean[changes.size()];
    for (int i = 0; i < effective.length; i++) {
      effective[i] = !changes.get(i).isZero();
    }
    return new Folded(result, effective);
  }

  /** Frees what it worked in; folded weights stay. */
  @Override
  public void close() {
    workspace.close();
  }

  private void checkRange(
      String name, DType dtype, FloatBuffer sum, List<Contribution> contributions)
      throws LoraException {
    if (dtype != DType.FLOAT16) {
      return;
    }
    int largest = workspace.largestMagnitudeBits(sum);
    if (largest >= FLOAT16_OVERFLOW_BITS) {
      Contribution last = contributions.get(contributions.size() - 1);
      throw new LoraException(
          last.file().file(),
          last.key().name(),
          "folded into %s this gives a weight of magnitude %s, float16 holds at most 65504; lower the LoRA's weight"
              .formatted(name, Float.intBitsToFloat(largest)));
    }
  }
}
