package io.github.lcm4j.safetensors;

import io.github.lcm4j.tensor.DType;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Where a tensor lies in a safetensors file.
 *
 * @param name the tensor's name
 * @param type its element type as the file names it, for instance {@code F16}
 * @param shape its extents
 * @param file the file that holds it
 * @param offset position of its first byte in the file
 * @param byteSize its length in bytes
 */
public record TensorInfo(
    String name, String type, long[] shape, Path file, long offset, long byteSize) {
  /** Defensive copy of the shape. */
  public TensorInfo {
    shape = shape.clone();
  }

  @Override
  public long[] shape() {
    return shape.clone();
  }

  /** Its element type; null if it is one a {@link io.github.lcm4j.tensor.Tensor} cannot hold. */
  public @Nullable DType dtype() {
    SafetensorsType known = SafetensorsType.byName(type);
    return known == null ? null : known.dtype();
  }

  /** Number of elements. */
  public long elementCount() {
    long count = 1;
    for (long extent : shape) {
      count *= extent;
    }
    return count;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TensorInfo that
        && name.equals(that.name)
        && type.equals(that.type)
        && Arrays.equals(shape, that.shape)
        && file.equals(that.file)
        && offset == that.offset
        && byteSize == that.byteSize;
  }

  @Override
  public int hashCode() {
    return 31 * name.hashCode() + file.hashCode();
  }

  @Override
  public String toString() {
    return name + " " + type + Arrays.toString(shape) + " in " + file;
  }
}
