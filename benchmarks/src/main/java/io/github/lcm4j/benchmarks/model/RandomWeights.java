package io.github.lcm4j.benchmarks.model;

import io.github.lcm4j.safetensors.TensorEntry;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Random weights that keep activations in range however deep the network: uniform with the variance
 * 1 / fan-in (LeCun et al. 1998), norms the identity, and layers that end a residual branch
 * smaller, so that the sum over the branches grows little. The same names give the same numbers.
 *
 * <p>Makes one tensor at a time, in memory that is used again for the next.
 */
final class RandomWeights {
  private static final List<String> BRANCH_ENDS =
      List.of(".conv2", ".to_out.0", ".ff.net.2", ".proj_out", ".out_proj", ".fc2");
  private static final double BRANCH_GAIN = 0.3;
  private static final double EMBEDDING_DEVIATION = 0.02;

  private final DType dtype;
  private final Scratch wide = new Scratch();
  private final Scratch narrow = new Scratch();

  /**
   * Weights of a type.
   *
   * @param dtype a floating-point type
   */
  RandomWeights(DType dtype) {
    this.dtype = dtype;
  }

  /** The tensors of a network, their contents made when they are written. */
  List<TensorEntry> entries(Network network) {
    List<TensorEntry> entries = new ArrayList<>();
    for (Layer layer : network.layers()) {
      long[] shape = layer.weightShape();
      entries.add(
          layer.kind() == Layer.Kind.NORM
              ? constant(layer.path() + ".weight", 1, shape)
              : uniform(layer.path() + ".weight", deviation(layer), shape));
      if (layer.bias()) {
        entries.add(constant(layer.path() + ".bias", 0, layer.out()));
      }
    }
    return entries;
  }

  private static double deviation(Layer layer) {
    if (layer.kind() == Layer.Kind.EMBEDDING) {
      return EMBEDDING_DEVIATION;
    }
    boolean endsBranch = BRANCH_ENDS.stream().anyMatch(layer.path()::endsWith);
    return (endsBranch ? BRANCH_GAIN : 1) / Math.sqrt(layer.fanIn());
  }

  /** A tensor of one number. */
  TensorEntry constant(String name, float value, long... shape) {
    return TensorEntry.lazy(
        name,
        dtype,
        shape,
        () -> {
          Tensor tensor = wide.tensor(DType.FLOAT32, shape);
          FloatBuffer values = tensor.floats();
          while (values.hasRemaining()) {
            values.put(value);
          }
          return inType(tensor);
        });
  }

  /** A tensor of independent uniform numbers of mean 0. */
  TensorEntry uniform(String name, double deviation, long... shape) {
    return TensorEntry.lazy(
        name,
        dtype,
        shape,
        () -> {
          Tensor tensor = wide.tensor(DType.FLOAT32, shape);
          fill(tensor.floats(), new SplittableRandom(name.hashCode()), deviation);
          return inType(tensor);
        });
  }

  private static void fill(FloatBuffer values, SplittableRandom random, double deviation) {
    float step = (float) (Math.sqrt(3) * deviation / Integer.MAX_VALUE);
    while (values.remaining() >= 2) {
      long bits = random.nextLong();
      values.put((int) bits * step).put((int) (bits >>> 32) * step);
    }
    if (values.hasRemaining()) {
      values.put(random.nextInt() * step);
    }
  }

  private Tensor inType(Tensor tensor) {
    if (dtype == DType.FLOAT32) {
      return tensor;
    }
    Tensor result = narrow.tensor(dtype, tensor.shape());
    tensor.castInto(result);
    return result;
  }

  /** Memory for one tensor at a time. */
  private static final class Scratch {
    private ByteBuffer memory = ByteBuffer.allocateDirect(0);

    Tensor tensor(DType dtype, long... shape) {
      long bytes = dtype.byteSize();
      for (long extent : shape) {
        bytes = Math.multiplyExact(bytes, extent);
      }
      if (memory.capacity() < bytes) {
        memory = ByteBuffer.allocateDirect(Math.toIntExact(bytes));
      }
      return Tensor.wrap(dtype, shape, memory.slice(0, (int) bytes));
    }
  }
}
