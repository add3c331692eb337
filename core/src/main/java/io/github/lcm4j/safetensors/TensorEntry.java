package io.github.lcm4j.safetensors;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * A tensor that is to be written: its name, type and shape are known, its contents are asked for
 * when their turn comes.
 */
public final class TensorEntry {
  /** Supplies a tensor's contents once, when they are written. */
  @FunctionalInterface
  public interface Content {
    /**
     * The tensor; it is not kept.
     *
     * @throws IOException if it cannot be read or computed
     */
    Tensor get() throws IOException;
  }

  @FunctionalInterface
  private interface Writing {
    void to(FileChannel channel) throws IOException;
  }

  private final String name;
  private final SafetensorsType type;
  private final long[] shape;
  private final long byteSize;
  private final Writing writing;

  private TensorEntry(String name, SafetensorsType type, long[] shape, Writing writing) {
    this.name = name;
    this.type = type;
    this.shape = shape.clone();
    this.byteSize = type.byteSize(shape);
    this.writing = writing;
  }

  /** A tensor that is there already. */
  public static TensorEntry of(String name, Tensor tensor) {
    return lazy(name, tensor.dtype(), tensor.shape(), () -> tensor);
  }

  /**
   * A tensor that is made when its turn comes.
   *
   * @param name its name
   * @param dtype its element type
   * @param shape its extents
   * @param content supplies a tensor of that type and shape
   */
  public static TensorEntry lazy(String name, DType dtype, long[] shape, Content content) {
    long[] announced = shape.clone();
    return new TensorEntry(
        name,
        SafetensorsType.of(dtype),
        announced,
        channel -> {
          Tensor tensor = content.get();
          if (tensor.dtype() != dtype || !Arrays.equals(tensor.shape(), announced)) {
            throw new IllegalStateException(
                "tensor %s was announced as %s%s, but is %s"
                    .formatted(name, dtype, Arrays.toString(announced), tensor));
          }
          for (ByteBuffer bytes = tensor.buffer(); bytes.hasRemaining(); ) {
            channel.write(bytes);
          }
        });
  }

  /**
   * A copy of a tensor of another safetensors file, of any type and size, byte for byte.
   *
   * @param info where it lies; the name is kept
   */
  public static TensorEntry copy(TensorInfo info) {
    return new TensorEntry(
        info.name(),
        SafetensorsType.valueOf(info.type()),
        info.shape(),
        channel -> {
          try (FileChannel source = FileChannel.open(info.file(), StandardOpenOption.READ)) {
            for (long done = 0; done < info.byteSize(); ) {
              long count = source.transferTo(info.offset() + done, info.byteSize() - done, channel);
              if (count == 0) {
                throw new SafetensorsException(
                    "%s is truncated: it ended inside tensor %s"
                        .formatted(info.file(), info.name()));
              }
              done += count;
            }
          }
        });
  }

  /** The tensor's name. */
  public String name() {
    return name;
  }

  SafetensorsType type() {
    return type;
  }

  long[] shape() {
    return shape.clone();
  }

  /** Length of its contents in bytes. */
  public long byteSize() {
    return byteSize;
  }

  /**
   * This tensor, with something to be done before its contents are written: a look at whether they
   * are still wanted, for instance.
   */
  public TensorEntry after(Runnable action) {
    return new TensorEntry(
        name,
        type,
        shape,
        channel -> {
          action.run();
          writing.to(channel);
        });
  }

  /**
   * Writes its contents.
   *
   * @param channel where to, from its position on
   * @throws IOException if they cannot be had or written
   * @throws IllegalStateException if the tensor has another type or shape than announced
   */
  public void writeTo(FileChannel channel) throws IOException {
    writing.to(channel);
  }
}
