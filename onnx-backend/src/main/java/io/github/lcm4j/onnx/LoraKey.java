package io.github.lcm4j.onnx;

import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;

/**
 * A LoRA as it was folded: the same file written anew is another one.
 *
 * @param spec file and weights
 * @param size of the file
 * @param modified when the file was last written
 */
record LoraKey(LoraSpec spec, long size, FileTime modified) {
  static List<LoraKey> of(List<LoraSpec> loras) throws IOException {
    List<LoraKey> keys = new ArrayList<>();
    for (LoraSpec spec : loras) {
      if (!Files.isRegularFile(spec.file())) {
        throw new CheckpointException(
            "LoRA file %s %s"
                .formatted(
                    spec.file(), Files.exists(spec.file()) ? "is not a file" : "does not exist"));
      }
      keys.add(new LoraKey(spec, Files.size(spec.file()), Files.getLastModifiedTime(spec.file())));
    }
    return List.copyOf(keys);
  }
}
