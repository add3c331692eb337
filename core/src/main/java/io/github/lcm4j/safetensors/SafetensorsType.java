package io.github.lcm4j.safetensors;

import io.github.lcm4j.tensor.DType;
import org.jspecify.annotations.Nullable;

/**
 * The element types of the safetensors format, with the {@link DType} of those lcm4j computes with.
 * They stand in the reference implementation's order, by which a written file is sorted.
 */
enum SafetensorsType {
  BOOL(8, null),
  F4(4, null),
  F6_E2M3(6, null),
  F6_E3M2(6, null),
  U8(8, null),
  I8(8, null),
  F8_E5M2(8, null),
  F8_E4M3(8, null),
  F8_E8M0(8, null),
  F8_E4M3FNUZ(8, null),
  F8_E5M2FNUZ(8, null),
  I16(16, null),
  U16(16, null),
  F16(16, DType.FLOAT16),
  BF16(16, DType.BFLOAT16),
  I32(32, DType.INT32),
  U32(32, null),
  F32(32, DType.FLOAT32),
  C64(64, null),
  F64(64, null),
  I64(64, DType.INT64),
  U64(64, null);

  private final int bitSize;
  private final @Nullable DType dtype;

  SafetensorsType(int bitSize, @Nullable DType dtype) {
    this.bitSize = bitSize;
    this.dtype = dtype;
  }

  /** The tensor type for this one, or null if lcm4j cannot compute with it. */
  @Nullable DType dtype() {
    return dtype;
  }

  /**
   * The bytes a tensor of this type takes.
   *
   * @throws ArithmeticException if the size exceeds 2<sup>63</sup>−1 bits or is not whole bytes
   */
  long byteSize(long[] shape) {
    long bits = bitSize;
    for (long extent : shape) {
      bits = Math.multiplyExact(bits, extent);
    }
    if (bits % Byte.SIZE != 0) {
      throw new ArithmeticException(bits + " bits are not whole bytes");
    }
    return bits / Byte.SIZE;
  }

  /** The type a file calls so, or null if there is none. */
  static @Nullable SafetensorsType byName(String name) {
    for (SafetensorsType type : values()) {
      if (type.name().equals(name)) {
        return type;
      }
    }
    return null;
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
