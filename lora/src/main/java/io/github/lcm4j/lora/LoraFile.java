package io.github.lcm4j.lora;

import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.TensorInfo;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A LoRA file of any published format, its keys sorted one by one into component, module and role.
 * Tensors are memory-mapped and read only when they are folded; files may be larger than 2 GiB.
 */
public final class LoraFile {
  private final SafetensorsFile tensors;
  private final List<LoraKey> keys;
  private final Map<String, String> unknownKeys;
  private final AdapterConfig config;

  private LoraFile(
      SafetensorsFile tensors,
      List<LoraKey> keys,
      Map<String, String> unknownKeys,
      AdapterConfig config) {
    this.tensors = tensors;
    this.keys = Collections.unmodifiableList(keys);
    this.unknownKeys = Collections.unmodifiableMap(unknownKeys);
    this.config = config;
  }

  /**
   * Opens a LoRA file and reads its keys.
   *
   * @param file a safetensors file
   * @return the file
   * @throws LoraException if none of its keys is one of a LoRA, or its adapter metadata is damaged
   * @throws io.github.lcm4j.safetensors.SafetensorsException if it is not a valid safetensors file
   * @throws IOException if it cannot be read
   */
  public static LoraFile open(Path file) throws IOException {
    SafetensorsFile tensors = SafetensorsFile.open(file);
    List<LoraKey> keys = new ArrayList<>();
    Map<String, String> unknown = new TreeMap<>();
    for (String name : tensors.names()) {
      LoraKey key = KeyParser.parse(name);
      if (key != null) {
        keys.add(key);
      } else {
        unknown.put(name, KeyParser.describeUnknown(name));
      }
    }
    if (keys.isEmpty()) {
      throw new LoraException(
          file,
          unknown.isEmpty() ? null : unknown.keySet().iterator().next(),
          unknown.isEmpty()
              ? "expected the keys of a LoRA, found no tensor at all"
              : "expected the keys of a LoRA, found none among %d; the first %s"
                  .formatted(unknown.size(), unknown.values().iterator().next()));
    }
    return new LoraFile(tensors, keys, unknown, AdapterConfig.read(tensors));
  }

  /** The file. */
  public Path file() {
    return tensors.file();
  }

  /** The keys of known formats, in the order of the file. */
  public List<LoraKey> keys() {
    return keys;
  }

  /** Keys of no format that can be folded, with what they are instead. */
  public Map<String, String> unknownKeys() {
    return unknownKeys;
  }

  /** The file's metadata strings. */
  public Map<String, String> metadata() {
    return tensors.metadata();
  }

  AdapterConfig config() {
    return config;
  }

  TensorInfo info(LoraKey key) {
    return tensors.info(key.name());
  }

  Tensor tensor(LoraKey key) throws LoraException {
    try {
      return tensors.tensor(key.name());
    } catch (IllegalStateException e) {
      throw new LoraException(file(), key.name(), e.getMessage(), e);
    }
  }

  /** Copies some elements, which are read from the file. */
  void read(LoraKey key, long from, Tensor into) throws IOException {
    tensors.read(key.name(), from, into);
  }

  /** Reads the one number of a scalar. */
  double scalar(LoraKey key) throws IOException {
    Tensor tensor = tensor(key);
    if (tensor.elementCount() != 1) {
      throw new LoraException(
          file(), key.name(), "expected a single number, found a tensor " + tensor);
    }
    Tensor number = Tensor.allocate(tensor.dtype());
    read(key, 0, number); // the mapping would bring in 16 pages for each of hundreds
    double value =
        switch (number.dtype()) {
          case INT64 -> number.longs().get(0);
          case INT32 -> number.ints().get(0);
          default -> number.toFloatArray()[0];
        };
    if (!Double.isFinite(value)) {
      throw new LoraException(file(), key.name(), "expected a finite number, found " + value);
    }
    return value;
  }
}
