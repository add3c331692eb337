package io.github.lcm4j.onnx.export;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto.Dimension;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.github.lcm4j.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An input or output of a graph.
 *
 * @param name its name
 * @param typeName ONNX's name of the element type, for instance {@code FLOAT16}
 * @param dtype the element type; null if it is one lcm4j does not compute with
 * @param axes its axes; empty for a scalar
 */
public record Port(String name, String typeName, @Nullable DType dtype, List<Axis> axes) {

  /**
   * One axis.
   *
   * @param extent its extent; −1 if any will do
   * @param symbol the name of an open extent: axes of one name have one extent; empty if there is
   *     none
   */
  public record Axis(long extent, String symbol) {
    /** Whether only one extent will do. */
    public boolean isFixed() {
      return extent >= 0;
    }
  }

  /** Copies the list. */
  public Port {
    axes = List.copyOf(axes);
  }

  /** Number of axes. */
  public int rank() {
    return axes.size();
  }

  /** The same port in float32. */
  Port inFloat32() {
    return new Port(name, DataType.FLOAT.name(), DType.FLOAT32, axes);
  }

  static Port of(ValueInfoProto value) {
    TypeProto.Tensor type = value.getType().getTensorType();
    List<Axis> axes = new ArrayList<>();
    for (Dimension dimension : type.getShape().getDimList()) {
      axes.add(
          new Axis(
              dimension.hasDimValue() ? dimension.getDimValue() : -1, dimension.getDimParam()));
    }
    DataType dataType = DataType.forNumber(type.getElemType());
    return new Port(
        value.getName(),
        dataType == null ? "type " + type.getElemType() : dataType.name(),
        StoredTensor.dtype(type.getElemType()),
        axes);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(name).append(' ').append(typeName).append('[');
    for (int axis = 0; axis < rank(); axis++) {
      Axis current = axes.get(axis);
      text.append(axis == 0 ? "" : ", ")
          .append(current.isFixed() ? String.valueOf(current.extent()) : current.symbol());
    }
    return text.append(']').toString();
  }
}
