package io.github.lcm4j.checkpoint;

import java.io.IOException;

/** A checkpoint that cannot be used. The message names the file, what was expected and found. */
public class CheckpointException extends IOException {
  private static final long serialVersionUID = 1L;

  /** A fault of a checkpoint. */
  public CheckpointException(String message) {
    super(message);
  }

  /** A fault of a checkpoint with its cause. */
  public CheckpointException(String message, Throwable cause) {
    super(message, cause);
  }
}
