package io.github.lcm4j.tensor;

/** Element types a {@link Tensor} can hold, all little-endian. */
public enum DType {
  /** IEEE 754 binary32. */
  FLOAT32(4, true),
  /** IEEE 754 binary16. */
  FLOAT16(2, true),
  /** The upper half of a binary32. */
  BFLOAT16(2, true),
  /** Signed 64-bit integer. */
  INT64(8, false),
  /** Signed 32-bit integer. */
  INT32(4, false);

  private final int byteSize;
  private final boolean floating;

  DType(int byteSize, boolean floating) {
    this.byteSize = byteSize;
    this.floating = floating;
  }

  /** Bytes one element takes. */
  public int byteSize() {
    return byteSize;
  }

  /** Whether this is a floating-point type. */
  public boolean isFloating() {
    return floating;
  }
}
