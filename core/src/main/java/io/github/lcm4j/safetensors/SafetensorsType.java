package io.github.lcm4j.safetensors;

import io.github.lcm4j.tensor.DType;
import org.jspecify.annotations.Nullable;

/** The element types of the safetensors format, with the {@link DType} of those lcm4j reads. */
enum SafetensorsType {
  BOOL(1, null),
  U8(1, null),
  I8(1, null),
  F8_E5M2(1, null),
  F8_E4M3(1, null),
  F8_E8M0(1, null),
  I16(2, null),
  U16(2, null),
  F16(2, DType.FLOAT16),
  BF16(2, DType.BFLOAT16),
  I32(4, DType.INT32),
  U32(4, null),
  F32(4, DType.FLOAT32),
  F64(8, null),
  I64(8, DType.INT64),
  U64(8, null);

  private final int byteSize;
  private final @Nullable DType dtype;

  SafetensorsType(int byteSize, @Nullable DType dtype) {
    this.byteSize = byteSize;
    this.dtype = dtype;
  }

  int byteSize() {
    return byteSize;
  }

  @Nullable DType dtype() {
    return dtype;
  }

  static boolean isKnown(String name) {
    for (SafetensorsType type : values()) {
      if (type.name().equals(name)) {
        return true;
      }
    }
    return false;
  }

  static SafetensorsType of(String name) {
    return valueOf(name);
  }

  static SafetensorsType of(DType dtype) {
    for (SafetensorsType type : values()) {
      if (type.dtype == dtype) {
        return type;
      }
    }
    throw new IllegalArgumentException("no safetensors type for " + dtype);
  }
}
