package io.github.lcm4j;

/** A network failed while it ran, or gave numbers that are no picture. */
public class InferenceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** A fault with its cause. */
  public InferenceException(String message, Throwable cause) {
    super(message, cause);
  }

  /** A fault. */
  public InferenceException(String message) {
    super(message);
  }
}
