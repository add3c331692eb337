package io.github.lcm4j.safetensors;

import java.io.IOException;

/** A file that is not the safetensors file it should be. The message names file and reason. */
public class SafetensorsException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * A fault of a file.
   *
   * @param message file, tensor if any, what was expected and what was found
   */
  public SafetensorsException(String message) {
    super(message);
  }

  /**
   * A fault of a file with its cause.
   *
   * @param message file, tensor if any, what was expected and what was found
   * @param cause what was thrown underneath
   */
  public SafetensorsException(String message, Throwable cause) {
    super(message, cause);
  }
}
