package io.github.lcm4j.onnx.export;

import io.github.lcm4j.checkpoint.CheckpointException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Deals a graph's inputs or outputs out to their roles: first by name, then by shape. */
final class PortFinder {
  private final OnnxExport export;
  private final String kind;
  private final List<Port> all;
  private final List<Port> left;

  private PortFinder(OnnxExport export, String kind, List<Port> all) {
    this.export = export;
    this.kind = kind;
    this.all = all;
    this.left = new ArrayList<>(all);
  }

  static PortFinder inputs(OnnxExport export) {
    return new PortFinder(export, "input", export.inputs());
  }

  static PortFinder outputs(OnnxExport export) {
    return new PortFinder(export, "output", export.outputs());
  }

  /** Takes the port of one of these names; null if there is none. */
  @Nullable Port named(String... names) {
    return take(port -> Set.of(names).contains(port.name()));
  }

  /** Takes the first port that meets a condition; null if there is none. */
  @Nullable Port take(Predicate<Port> condition) {
    for (Port port : left) {
      if (condition.test(port)) {
        left.remove(port);
        return port;
      }
    }
    return null;
  }

  /** Takes the first floating-point port with so many axes; null if there is none. */
  @Nullable Port floating(int rank) {
    return take(port -> port.rank() == rank && isFloating(port));
  }

  /**
   * The port found, checked.
   *
   * @throws CheckpointException if it is null or of a type lcm4j does not compute with
   */
  Port require(@Nullable Port port, String role) throws CheckpointException {
    if (port == null) {
      throw new CheckpointException(
          "%s: the graph of a %s has one %s %s; found %s"
              .formatted(export.file(), export.component().title(), kind, role, all));
    }
    if (port.dtype() == null) {
      throw new CheckpointException(
          "%s: %s %s has type %s; expected FLOAT, FLOAT16, BFLOAT16, INT64 or INT32"
              .formatted(export.file(), kind, port.name(), port.typeName()));
    }
    return port;
  }

  /**
   * Checks that every input has a role: one that is not fed cannot run.
   *
   * @throws CheckpointException if one is left
   */
  void requireNoneLeft() throws CheckpointException {
    if (!left.isEmpty()) {
      throw new CheckpointException(
          "%s: the graph of a %s has inputs that lcm4j cannot feed: %s"
              .formatted(export.file(), export.component().title(), left));
    }
  }

  private static boolean isFloating(Port port) {
    return port.dtype() != null && port.dtype().isFloating();
  }
}
