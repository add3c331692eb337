package io.github.lcm4j.safetensors;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lcm4j.json.JsonFiles;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;

/** Several safetensors files behind an {@code *.index.json} with a {@code weight_map}. */
public final class ShardedSafetensors implements WeightSource {
  private static final ObjectMapper MAPPER =
      new ObjectMapper().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);

  private final Path index;
  private final Map<String, SafetensorsFile> files;
  private final Map<String, String> metadata;

  private ShardedSafetensors(
      Path index, Map<String, SafetensorsFile> files, Map<String, String> metadata) {
    this.index = index;
    this.files = Collections.unmodifiableMap(files);
    this.metadata = Collections.unmodifiableMap(metadata);
  }

  /**
   * Opens an index and the shards it names.
   *
   * @param index an {@code *.index.json} whose shards lie in the same folder
   * @return the tensors of all shards
   * @throws SafetensorsException if the index is not valid, names a shard that is missing or lies
   *     elsewhere, or a tensor that its shard does not have; or if a shard is damaged
   * @throws IOException if a file cannot be read
   */
  public static ShardedSafetensors open(Path index) throws IOException {
    JsonNode map;
    try {
      map = MAPPER.readTree(index.toFile()).path("weight_map");
    } catch (JsonProcessingException e) {
      throw new SafetensorsException(index + " is not valid JSON: " + JsonFiles.describe(e), e);
    }
    if (!map.isObject()) {
      throw new SafetensorsException(index + " has no weight_map");
    }
    Map<String, SafetensorsFile> shards = new LinkedHashMap<>();
    Map<String, SafetensorsFile> files = new LinkedHashMap<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      if (!entry.getValue().isTextual()) {
        throw new SafetensorsException(
            "%s: tensor %s must name its shard, found %s"
                .formatted(index, entry.getKey(), entry.getValue()));
      }
      String name = entry.getValue().textValue();
      SafetensorsFile shard = shards.get(name);
      if (shard == null) {
        shard = SafetensorsFile.open(shardFile(index, name));
        shards.put(name, shard);
        metadata.putAll(shard.metadata());
      }
      if (!shard.contains(entry.getKey())) {
        throw new SafetensorsException(
            "%s says %s holds tensor %s, which it does not"
                .formatted(index, shard.file(), entry.getKey()));
      }
      files.put(entry.getKey(), shard);
    }
    return new ShardedSafetensors(index, files, metadata);
  }

  private static Path shardFile(Path index, String name) throws SafetensorsException {
    if (name.isEmpty() || name.contains("/") || name.contains("\\")) {
      throw new SafetensorsException(
          "%s: shard '%s' must be a file name in the same folder".formatted(index, name));
    }
    Path file;
    try {
      file = index.resolveSibling(name);
    } catch (InvalidPathException e) {
      throw new SafetensorsException("%s: shard '%s' is no file name".formatted(index, name), e);
    }
    if (!Files.isRegularFile(file)) {
      throw new SafetensorsException(
          "%s names the shard %s, which is missing".formatted(index, name));
    }
    return file;
  }

  @Override
  public Set<String> names() {
    return files.keySet();
  }

  @Override
  public TensorInfo info(String name) {
    return shard(name).info(name);
  }

  @Override
  public Tensor tensor(String name) {
    return shard(name).tensor(name);
  }

  @Override
  public void read(String name, long from, Tensor into) throws IOException {
    shard(name).read(name, from, into);
  }

  @Override
  public Map<String, String> metadata() {
    return metadata;
  }

  @Override
  public Set<Path> files() {
    Set<Path> all = new LinkedHashSet<>(WeightSource.super.files());
    all.add(index);
    return all;
  }

  @Override
  public String description() {
    return index.toString();
  }

  private SafetensorsFile shard(String name) {
    SafetensorsFile file = files.get(name);
    if (file == null) {
      throw new NoSuchElementException(index + " has no tensor " + name);
    }
    return file;
  }
}
