package io.github.lcm4j.safetensors;

import io.github.lcm4j.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

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
