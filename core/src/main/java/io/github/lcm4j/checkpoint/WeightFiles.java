package io.github.lcm4j.checkpoint;

import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.ShardedSafetensors;
import io.github.lcm4j.safetensors.WeightSource;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Finds a component's weights under the names diffusers and transformers publish them. */
final class WeightFiles {
  /** Full precision first, so that a folder with both gives the exact weights. */
  private static final List<String> VARIANTS = List.of("", ".fp16", ".bf16", ".non_ema");

  private WeightFiles() {}

  static WeightSource open(Path folder, List<String> stems) throws IOException {
    for (String variant : VARIANTS) {
      for (String stem : stems) {
        Path single = folder.resolve(stem + variant + ".safetensors");
        if (Files.isRegularFile(single)) {
          return SafetensorsFile.open(single);
        }
        // Published both ways: "stem.safetensors.index.fp16.json" and
        // "stem.fp16.safetensors.index.json".
        for (String name :
            List.of(
                stem + variant + ".safetensors.index.json",
                stem + ".safetensors.index" + variant + ".json")) {
          Path index = folder.resolve(name);
          if (Files.isRegularFile(index)) {
            return ShardedSafetensors.open(index);
          }
        }
      }
    }
    String found = list(folder);
    throw new CheckpointException(
        "%s holds no weights: expected %s.safetensors (or .fp16.safetensors, or an index of shards), found %s%s"
            .formatted(
                folder,
                String.join(".safetensors or ", stems),
                found,
                found.contains(".bin") || found.contains(".ckpt")
                    ? "; PyTorch's own files must be converted to safetensors first"
                    : ""));
  }

  private static String list(Path folder) throws IOException {
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        names.add(entry.getFileName().toString());
      }
    }
    names.sort(null);
    return names.isEmpty() ? "nothing" : String.join(", ", names);
  }
}
