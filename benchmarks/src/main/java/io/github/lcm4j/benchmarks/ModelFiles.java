package io.github.lcm4j.benchmarks;

import io.github.lcm4j.benchmarks.model.Architecture;
import io.github.lcm4j.benchmarks.model.SyntheticCheckpoint;
import io.github.lcm4j.benchmarks.model.SyntheticLora;
import io.github.lcm4j.pocket.PocketModel;
import io.github.lcm4j.tensor.DType;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The files of a model under test.
 *
 * @param checkpoint its folder
 * @param lcmLora the LCM-LoRA that goes with it; null if none is known
 */
public record ModelFiles(Path checkpoint, @Nullable Path lcmLora) {
  /** System property: the folder in which checkpoints of random weights are kept. */
  public static final String FOLDER_PROPERTY = "lcm4j.benchmarks.checkpoints";

  /** The pocket model's name. */
  static final String POCKET = "pocket";

  /**
   * A model by name.
   *
   * @param name {@code pocket}, {@code sd15}, {@code sdxl} or a checkpoint folder
   * @param dtype for {@code sd15} and {@code sdxl} the type of the weights, {@code float32}, {@code
   *     float16} or {@code bfloat16}; others have their own
   * @return its files, which are written first if they are random weights and not there yet
   * @throws IOException if they cannot be read or written
   */
  public static ModelFiles of(String name, String dtype) throws IOException {
    if (name.equals(POCKET)) {
      return new ModelFiles(PocketModel.checkpoint(), PocketModel.lcmLora());
    }
    if (!isSynthetic(name)) {
      return new ModelFiles(Path.of(name), null);
    }
    Architecture architecture = Architecture.named(name);
    Path folder = syntheticFolder(name, dtype);
    if (!Files.isDirectory(folder)) {
      SyntheticCheckpoint.write(
          architecture, DType.valueOf(dtype.toUpperCase(Locale.ROOT)), folder);
    }
    Path lora = folder.resolveSibling(name + "-lcm-lora.safetensors");
    if (!Files.isRegularFile(lora)) {
      SyntheticLora.write(architecture.unet(), SyntheticLora.RANK, lora);
    }
    return new ModelFiles(folder, lora);
  }

  /** Whether the name stands for an architecture with random weights. */
  static boolean isSynthetic(String name) {
    return name.equals("sd15") || name.equals("sdxl");
  }

  /** Where a checkpoint of random weights is kept. */
  static Path syntheticFolder(String name, String dtype) {
    return folder().resolve(name + "-" + dtype);
  }

  /** The folder in which checkpoints of random weights are kept. */
  static Path folder() {
    String property = System.getProperty(FOLDER_PROPERTY, "");
    return property.isEmpty() ? buildFolder().resolve("checkpoints") : Path.of(property);
  }

  /** The folder that this program's jar or classes lie in: {@code target}. */
  static Path buildFolder() {
    try {
      Path code =
          Path.of(ModelFiles.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      return code.getParent();
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The architecture of a model, without writing anything. */
  static Architecture architecture(String name) throws IOException {
    return isSynthetic(name)
        ? Architecture.named(name)
        : Architecture.read(of(name, "").checkpoint);
  }
}
