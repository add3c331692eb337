package io.github.lcm4j.lora;

import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A LoRA file that cannot be folded. The message names file, key, what was expected and found. */
public class LoraException extends IOException {
  private static final long serialVersionUID = 1L;

  private final transient Path file;
  private final @Nullable String key;
  private final String fault;

  /**
   * A fault of one key.
   *
   * @param file the LoRA file
   * @param key the key in that file, or null if the fault is the file's as a whole
   * @param message what was expected, what was found and what helps
   */
  public LoraException(Path file, @Nullable String key, String message) {
    this(file, key, message, null);
  }

  /**
   * A fault of one key with its cause.
   *
   * @param file the LoRA file
   * @param key the key in that file, or null if the fault is the file's as a whole
   * @param message what was expected, what was found and what helps
   * @param cause what was thrown underneath, or null
   */
  public LoraException(Path file, @Nullable String key, String message, @Nullable Throwable cause) {
    super(key == null ? file + ": " + message : file + ": " + key + ": " + message, cause);
    this.file = file;
    this.key = key;
    this.fault = message;
  }

  /** The LoRA file. */
  public Path file() {
    return file;
  }

  /** The key at fault, or null if the fault is the file's as a whole. */
  public @Nullable String key() {
    return key;
  }

  /** This error with more to say. */
  LoraException withHint(String hint) {
    return hint.isEmpty() ? this : new LoraException(file, key, fault + hint, this);
  }
}
