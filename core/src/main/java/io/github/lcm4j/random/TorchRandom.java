package io.github.lcm4j.random;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.FloatBuffer;

/**
 * The random numbers of {@code torch.Generator("cpu")}: a seed gives the noise it gives in PyTorch,
 * so that it also gives the same picture.
 *
 * <p>The engine is the 32-bit Mersenne Twister (Matsumoto and Nishimura 1998), the normal numbers
 * come from the Box-Muller transform. As in PyTorch ({@code at::native::normal_}), a draw of fewer
 * than 16 elements is made one by one in double precision, where every second number waits in the
 * generator for the next such draw; a longer one is made in blocks of 16 in single precision. All
 * state is carried from draw to draw, so the order and the sizes of the draws matter.
 *
 * <p>Numbers agree with PyTorch to 10<sup>-6</sup>. Not safe for use by several threads.
 */
public final class TorchRandom {
  private static final int BLOCK = 16;
  private static final float TWO_PI = (float) (2 * Math.PI);

  private final MersenneTwister engine;

  /** The second number of the last pair that was drawn one by one; NaN if it has been given out. */
  private double waitingNormal = Double.NaN;

  /**
   * The generator after {@code manual_seed(seed)}.
   *
   * @param seed any value; as in PyTorch only the lower 32 bits count, and a negative seed stands
   *     for seed + 2<sup>64</sup>
   */
  public TorchRandom(long seed) {
    engine = new MersenneTwister((int) seed);
  }

  /**
   * The next {@code torch.randn(shape, generator=…, dtype=torch.float32)}.
   *
   * @param shape extents, each ≥ 0; none for a scalar
   * @return a new float32 tensor of independent standard normal numbers
   * @throws IllegalArgumentException if an extent is negative or the tensor would exceed 2 GiB
   */
  public Tensor randn(long... shape) {
    Tensor tensor = Tensor.allocate(DType.FLOAT32, shape);
    FloatBuffer values = tensor.floats();
    if (values.capacity() < BLOCK) {
      while (values.hasRemaining()) {
        values.put((float) nextNormal());
      }
    } else {
      fillBlocks(values);
    }
    return tensor;
  }

  private double nextNormal() {
    if (!Double.isNaN(waitingNormal)) {
      double normal = waitingNormal;
      waitingNormal = Double.NaN;
      return normal;
    }
    double theta = 2 * Math.PI * nextDouble();
    double radius = Math.sqrt(-2 * Math.log1p(-nextDouble()));
    waitingNormal = radius * Math.sin(theta);
    return radius * Math.cos(theta);
  }

  /** Uniform numbers for all elements first; only then is each block transformed in place. */
  private void fillBlocks(FloatBuffer values) {
    int size = values.capacity();
    fillUniform(values, 0, size);
    for (int start = 0; start <= size - BLOCK; start += BLOCK) {
      transformBlock(values, start);
    }
    if (size % BLOCK != 0) {
      // The tail has no block of its own: the last 16 elements are drawn anew, as PyTorch does.
      fillUniform(values, size - BLOCK, size);
      transformBlock(values, size - BLOCK);
    }
  }

  private void fillUniform(FloatBuffer values, int from, int to) {
    for (int i = from; i < to; i++) {
      values.put(i, nextFloat());
    }
  }

  /** Box-Muller with the roundings of single precision: the angle's shows in the sixth digit. */
  private static void transformBlock(FloatBuffer values, int start) {
    for (int i = start; i < start + BLOCK / 2; i++) {
      float logarithm = (float) Math.log(1 - values.get(i));
      float radius = (float) Math.sqrt(-2 * logarithm);
      float theta = TWO_PI * values.get(i + BLOCK / 2);
      values.put(i, radius * (float) Math.cos(theta));
      values.put(i + BLOCK / 2, radius * (float) Math.sin(theta));
    }
  }

  /** Uniform in [0, 1), a multiple of 2<sup>-24</sup>. */
  private float nextFloat() {
    return (engine.next() & 0xffffff) * 0x1p-24f;
  }

  /** Uniform in [0, 1), a multiple of 2<sup>-53</sup>. */
  private double nextDouble() {
    long high = engine.next();
    long low = engine.next() & 0xffffffffL;
    return ((high << 32 | low) & (1L << 53) - 1) * 0x1p-53;
  }
}
