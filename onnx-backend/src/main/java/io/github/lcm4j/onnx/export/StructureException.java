package io.github.lcm4j.onnx.export;

/** A graph that is not built as the network is; the message says where they part. */
final class StructureException extends Exception {
  private static final long serialVersionUID = 1L;

  StructureException(String message) {
    super(message);
  }
}
