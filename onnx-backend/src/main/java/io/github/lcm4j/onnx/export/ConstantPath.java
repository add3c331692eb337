package io.github.lcm4j.onnx.export;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import io.github.lcm4j.onnx.graph.NodeAttributes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The way from a constant to the place it is used at, through nodes that only move or cast its
 * elements: half-precision weights behind a Cast, parameters behind a Transpose, an Unsqueeze or an
 * Identity.
 *
 * @param source the constant
 * @param nodes indices of the nodes passed, from the constant on
 * @param values names of the values passed: the constant first, the value used last
 * @param states what is known about each of those values
 */
record ConstantPath(
    StoredTensor source, List<Integer> nodes, List<String> values, List<State> states) {

  /**
   * A constant after some nodes.
   *
   * @param shape its extents; null if they are computed when the graph runs
   * @param transposed whether its two axes are swapped against the constant's
   * @param dataType number of ONNX's {@code TensorProto.DataType}; 0 if it is decided when the
   *     graph runs
   */
  record State(long @Nullable [] shape, boolean transposed, int dataType) {}

  /** The value used. */
  String value() {
    return values.get(values.size() - 1);
  }

  /** The value used, as far as it is known. */
  State state() {
    return states.get(states.size() - 1);
  }

  /**
   * How far a constant can be replaced: the last index of {@link #values} up to which shape and
   * type are known, so that the nodes before it are no longer needed.
   */
  int replaceable() {
    int index = states.size() - 1;
    while (states.get(index).shape() == null || states.get(index).dataType() == 0) {
      index--;
    }
    return index;
  }

  /** The way of a value back to a constant; null if it does not come from one alone. */
  static @Nullable ConstantPath of(OnnxGraph graph, String value) {
    List<Integer> nodes = new ArrayList<>();
    List<String> values = new ArrayList<>();
    String current = value;
    values.add(current);
    while (graph.constant(current) == null) {
      int node = graph.producer(current);
      if (node < 0 || !graph.isStandard(node) || !moves(graph.node(node).getOpType())) {
        return null;
      }
      current = graph.input(node, 0);
      nodes.add(node);
      values.add(current);
    }
    Collections.reverse(nodes);
    Collections.reverse(values);
    StoredTensor source = graph.constant(current);
    List<State> states = new ArrayList<>();
    State state = new State(source.dims(), false, source.dataType());
    states.add(state);
    for (int node : nodes) {
      state = after(graph, node, state);
      if (state == null) {
        return null;
      }
      states.add(state);
    }
    return new ConstantPath(source, List.copyOf(nodes), List.copyOf(values), List.copyOf(states));
  }

  private static boolean moves(String opType) {
    return switch (opType) {
      case "Identity",
          "Cast",
          "CastLike",
          "Transpose",
          "Reshape",
          "Unsqueeze",
          "Squeeze",
          "Flatten" ->
          true;
      default -> false;
    };
  }

  private static @Nullable State after(OnnxGraph graph, int node, State in) {
    long[] shape = in.shape();
    return switch (graph.node(node).getOpType()) {
      case "Identity" -> in;
      case "Cast" -> new State(shape, in.transposed(), (int) graph.intAttribute(node, "to", 0));
      case "CastLike" -> new State(shape, in.transposed(), DataType.UNDEFINED_VALUE);
      case "Transpose" -> transpose(graph, node, in);
      case "Reshape" -> reshape(in, reshaped(shape, graph.longs(graph.input(node, 1))));
      case "Unsqueeze" -> reshape(in, unsqueezed(shape, axes(graph, node)));
      case "Squeeze" -> reshape(in, squeezed(shape, axes(graph, node)));
      default -> reshape(in, null);
    };
  }

  private static @Nullable State transpose(OnnxGraph graph, int node, State in) {
    AttributeProto perm = NodeAttributes.find(graph.node(node), "perm");
    long[] shape = in.shape();
    if (shape == null || shape.length != 2) {
      return null; // no exporter moves the axes of a convolution's weight
    }
    if (perm != null && perm.getInts(0) == 0) {
      return in;
    }
    return new State(new long[] {shape[1], shape[0]}, !in.transposed(), in.dataType());
  }

  private static @Nullable State reshape(State in, long @Nullable [] shape) {
    // A transposed matrix that is reshaped is neither the matrix nor its transpose.
    return in.transposed() ? null : new State(shape, false, in.dataType());
  }

  /** The axes of an Unsqueeze or Squeeze: an attribute before operator set 13, then an input. */
  private static long @Nullable [] axes(OnnxGraph graph, int node) {
    return graph.input(node, 1).isEmpty()
        ? graph.intsAttribute(node, "axes")
        : graph.longs(graph.input(node, 1));
  }

  private static long @Nullable [] reshaped(long @Nullable [] shape, long @Nullable [] target) {
    if (shape == null || target == null) {
      return null;
    }
    long[] result = target.clone();
    int open = -1;
    long known = 1;
    for (int axis = 0; axis < result.length; axis++) {
      if (result[axis] == 0 && axis < shape.length) {
        result[axis] = shape[axis];
      }
      if (result[axis] == -1) {
        open = axis;
      } else {
        known *= result[axis];
      }
    }
    if (open >= 0 && known > 0) {
      result[open] = StoredTensor.elementCount(shape) / known;
    }
    return result;
  }

  private static long @Nullable [] unsqueezed(long @Nullable [] shape, long @Nullable [] axes) {
    if (shape == null || axes == null) {
      return null;
    }
    int rank = shape.length + axes.length;
    long[] result = new long[rank];
    for (long axis : axes) {
      result[(int) (axis < 0 ? axis + rank : axis)] = 1;
    }
    int next = 0;
    for (int axis = 0; axis < rank; axis++) {
      if (result[axis] == 0) {
        result[axis] = shape[next++];
      }
    }
    return result;
  }

  private static long @Nullable [] squeezed(long @Nullable [] shape, long @Nullable [] axes) {
    if (shape == null || axes == null) {
      return null;
    }
    List<Long> result = new ArrayList<>();
    for (int axis = 0; axis < shape.length; axis++) {
      boolean dropped = axes.length == 0 && shape[axis] == 1;
      for (long candidate : axes) {
        dropped |= (candidate < 0 ? candidate + shape.length : candidate) == axis;
      }
      if (!dropped) {
        result.add(shape[axis]);
      }
    }
    return result.stream().mapToLong(Long::longValue).toArray();
  }
}
