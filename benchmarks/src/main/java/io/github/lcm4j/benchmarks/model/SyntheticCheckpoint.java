package io.github.lcm4j.benchmarks.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lcm4j.safetensors.SafetensorsWriter;
import io.github.lcm4j.safetensors.TensorEntry;
import io.github.lcm4j.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Writes checkpoints of random weights in diffusers' layout: they take the time and memory of the
 * published ones, and nobody has to download anything. What they draw is noise.
 */
public final class SyntheticCheckpoint {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final Map<String, String> METADATA = Map.of("format", "pt");

  private SyntheticCheckpoint() {}

  /**
   * Writes a checkpoint, one tensor at a time.
   *
   * @param architecture what to write
   * @param dtype type of the weights, floating-point
   * @param folder the checkpoint's folder; it appears when it is whole
   * @throws IOException if it cannot be written, or is there already
   */
  public static void write(Architecture architecture, DType dtype, Path folder) throws IOException {
    Files.createDirectories(folder.toAbsolutePath().getParent());
    Path unfinished = folder.resolveSibling(folder.getFileName() + "." + UUID.randomUUID());
    try {
      writeFiles(architecture, dtype, unfinished);
      Files.move(unfinished, folder, StandardCopyOption.ATOMIC_MOVE);
    } catch (Throwable e) {
      delete(unfinished);
      throw e;
    }
  }

  private static void writeFiles(Architecture architecture, DType dtype, Path folder)
      throws IOException {
    for (Map.Entry<String, JsonNode> file : architecture.files().entrySet()) {
      Path path = folder.resolve(file.getKey());
      Files.createDirectories(path.getParent());
      MAPPER.writerWithDefaultPrettyPrinter().writeValue(path.toFile(), file.getValue());
    }
    RandomWeights weights = new RandomWeights(dtype);
    List<TensorEntry> vae = weights.entries(architecture.vaeDecoder());
    vae.addAll(weights.entries(architecture.vaeEncoder()));
    write(folder.resolve("vae/diffusion_pytorch_model.safetensors"), vae);
    write(
        folder.resolve("unet/diffusion_pytorch_model.safetensors"),
        weights.entries(architecture.unet()));
    List<String> encoders = architecture.textEncoderNames();
    for (int i = 0; i < encoders.size(); i++) {
      String name = encoders.get(i);
      write(
          folder.resolve(name + "/model.safetensors"),
          weights.entries(architecture.textEncoder(name)));
      SyntheticTokenizer.write(
          folder.resolve(i == 0 ? "tokenizer" : "tokenizer_2"),
          architecture.vocabularySize(name),
          architecture.tokens(),
          i == 0 ? "<|endoftext|>" : "!");
    }
  }

  private static void write(Path file, List<TensorEntry> entries) throws IOException {
    SafetensorsWriter.write(file, entries, METADATA);
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
