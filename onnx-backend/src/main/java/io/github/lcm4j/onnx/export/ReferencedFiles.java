package io.github.lcm4j.onnx.export;

import io.github.lcm4j.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * The files of an export as references name them: relative to the one folder that they all lie in,
 * behind any links, for ORT follows links and refuses what then lies outside its folder. Download
 * caches are made of such links.
 */
record ReferencedFiles(Path folder, Map<Path, Path> realPaths) {

  /**
   * The files a model's constants lie in, and the model itself.
   *
   * @throws CheckpointException if no folder holds them all
   */
  static ReferencedFiles of(OnnxModelFile model) throws IOException {
    Path real = model.file().toRealPath();
    Path folder = real.getParent();
    Map<Path, Path> realPaths = new HashMap<>(Map.of(model.file(), real));
    for (StoredTensor constant : model.constants().values()) {
      if (!realPaths.containsKey(constant.file())) {
        real = constant.file().toRealPath();
        realPaths.put(constant.file(), real);
        while (folder != null && !real.startsWith(folder)) {
          folder = folder.getParent();
        }
      }
    }
    if (folder == null) {
      throw new CheckpointException(
          "%s and the files with its weights lie on different drives".formatted(model.file()));
    }
    return new ReferencedFiles(folder, realPaths);
  }

  /** A file's name in references. */
  String location(Path file) {
    return folder.relativize(realPaths.getOrDefault(file, file)).toString().replace('\\', '/');
  }
}
