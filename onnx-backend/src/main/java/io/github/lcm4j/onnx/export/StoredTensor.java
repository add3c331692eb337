package io.github.lcm4j.onnx.export;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Where a constant of a graph lies: a byte range of the {@code .onnx} file or of a file beside it,
 * or, for the few whose elements are written as protobuf numbers, the message itself.
 *
 * @param name initializer's name, or the output of the Constant node
 * @param dataType number of ONNX's {@code TensorProto.DataType}
 * @param dims extents
 * @param file the file that holds it
 * @param offset position of its first byte, or of its message if it has no byte range
 * @param length its length in bytes; −1 if it has no byte range
 * @param message the constant with its elements; null if only the file has them
 */
record StoredTensor(
    String name,
    int dataType,
    long[] dims,
    Path file,
    long offset,
    long length,
    @Nullable TensorProto message) {

  /** Number of elements. */
  long elementCount() {
    return elementCount(dims);
  }

  static long elementCount(long[] dims) {
    long count = 1;
    for (long extent : dims) {
      count = Math.multiplyExact(count, extent);
    }
    return count;
  }

  /** Element type, or null if it is one a {@link Tensor} cannot hold. */
  @Nullable DType dtype() {
    return dtype(dataType);
  }

  static @Nullable DType dtype(int dataType) {
    return switch (dataType) {
      case DataType.FLOAT_VALUE -> DType.FLOAT32;
      case DataType.FLOAT16_VALUE -> DType.FLOAT16;
      case DataType.BFLOAT16_VALUE -> DType.BFLOAT16;
      case DataType.INT64_VALUE -> DType.INT64;
      case DataType.INT32_VALUE -> DType.INT32;
      default -> null;
    };
  }

  static int dataType(DType dtype) {
    return switch (dtype) {
      case FLOAT32 -> DataType.FLOAT_VALUE;
      case FLOAT16 -> DataType.FLOAT16_VALUE;
      case BFLOAT16 -> DataType.BFLOAT16_VALUE;
      case INT64 -> DataType.INT64_VALUE;
      case INT32 -> DataType.INT32_VALUE;
    };
  }

  /** Name of the element type, for messages. */
  String typeName() {
    DataType type = DataType.forNumber(dataType);
    return type == null ? "type " + dataType : type.name();
  }

  /** Whether the element type is a floating-point one. */
  boolean isFloating() {
    DType dtype = dtype();
    return dtype != null && dtype.isFloating();
  }

  /**
   * The elements: a read-only view of the mapped file where they have a byte range.
   *
   * @throws IllegalStateException if the type is one a tensor cannot hold
   * @throws UncheckedIOException if the file cannot be read
   */
  Tensor read() {
    DType dtype = dtype();
    if (dtype == null) {
      throw new IllegalStateException(
          "%s: constant %s has type %s; lcm4j computes with FLOAT, FLOAT16, BFLOAT16, INT64 and INT32 only"
              .formatted(file, name, typeName()));
    }
    return length < 0 ? decode(dtype) : Tensor.wrap(dtype, dims, map());
  }

  private ByteBuffer map() {
    if (length == 0) {
      return ByteBuffer.allocateDirect(0);
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return channel.map(FileChannel.MapMode.READ_ONLY, offset, length);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot map %s from %s".formatted(name, file), e);
    }
  }

  private Tensor decode(DType dtype) {
    TensorProto proto = message;
    if (proto == null) {
      throw new IllegalStateException(file + ": constant " + name + " has no elements");
    }
    Tensor tensor = Tensor.allocate(dtype, dims);
    int found =
        switch (dtype) {
          case FLOAT32 -> proto.getFloatDataCount();
          case FLOAT16, BFLOAT16, INT32 -> proto.getInt32DataCount();
          case INT64 -> proto.getInt64DataCount();
        };
    if (found != tensor.elementCount()) {
      throw new IllegalStateException(
          "%s: constant %s of shape %s has %d elements"
              .formatted(file, name, Arrays.toString(dims), found));
    }
    ByteBuffer bytes = tensor.buffer();
    switch (dtype) {
      case FLOAT32 -> proto.getFloatDataList().forEach(bytes::putFloat);
      case FLOAT16, BFLOAT16 ->
          proto.getInt32DataList().forEach(half -> bytes.putShort(half.shortValue()));
      case INT64 -> proto.getInt64DataList().forEach(bytes::putLong);
      case INT32 -> proto.getInt32DataList().forEach(bytes::putInt);
    }
    return tensor;
  }
}
