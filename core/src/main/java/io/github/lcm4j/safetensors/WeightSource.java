package io.github.lcm4j.safetensors;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Named tensors, read on demand: one safetensors file, the shards behind an index, or an overlay of
 * changed weights. Implementations are immutable and safe for use by several threads.
 */
public interface WeightSource {
  /** All names, in the order of the files. */
  Set<String> names();

  /**
   * Where a tensor lies and what it looks like, without reading it.
   *
   * @throws java.util.NoSuchElementException if there is no such tensor; the message names the file
   */
  TensorInfo info(String name);

  /**
   * A tensor's contents: a read-only view of the mapped file where possible.
   *
   * @throws java.util.NoSuchElementException if there is no such tensor; the message names the file
   * @throws IllegalStateException if its type is one a {@link Tensor} cannot hold, or it is larger
   *     than 2 GiB
   */
  Tensor tensor(String name);

  /**
   * Copies some of a tensor's elements. Where the tensor lies in a file they are read from it, so
   * that the pages of the mapping need not come into the process's memory.
   *
   * @param name the tensor
   * @param from its first element to copy
   * @param into of the tensor's type; it is filled
   * @throws java.util.NoSuchElementException if there is no such tensor; the message names the file
   * @throws IllegalArgumentException if {@code into} has another type or reaches over the end
   * @throws IOException if the file cannot be read
   */
  default void read(String name, long from, Tensor into) throws IOException {
    Tensor tensor = tensor(name);
    requireRange(name, tensor.dtype(), tensor.elementCount(), from, into);
    int size = tensor.dtype().byteSize();
    into.buffer().put(tensor.buffer().slice((int) from * size, into.byteSize()));
  }

  private void requireRange(
      String name, @Nullable DType dtype, long count, long from, Tensor into) {
    if (dtype != into.dtype() || from < 0 || from + into.elementCount() > count) {
      throw new IllegalArgumentException(
          "%s: tensor %s has %d elements of %s, asked for were those from %d on as %s"
              .formatted(description(), name, count, dtype, from, into));
    }
  }

  /** The files' metadata strings; empty if there are none. */
  Map<String, String> metadata();

  /** What to call this source in messages: a file or an index. */
  String description();

  /** The files the tensors lie in, and the index that joins them where there is one. */
  default Set<Path> files() {
    Set<Path> files = new LinkedHashSet<>();
    names().forEach(name -> files.add(info(name).file()));
    return files;
  }

  /** Whether there is a tensor of that name. */
  default boolean contains(String name) {
    return names().contains(name);
  }
}
