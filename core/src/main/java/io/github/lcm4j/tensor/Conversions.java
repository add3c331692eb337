package io.github.lcm4j.tensor;

/** Casts between the floating-point types. Java 17 has no {@code Float.float16ToFloat}. */
final class Conversions {
  private Conversions() {}

  /** Elements converted at a time, through arrays that stay in the first-level cache. */
  private static final int CHUNK = 2048;

  static Tensor toFloat32(Tensor tensor) {
    return cast(tensor, DType.FLOAT32);
  }

  static Tensor cast(Tensor tensor, DType target) {
    requireFloating(tensor.dtype());
    requireFloating(target);
    if (tensor.dtype() == target) {
      return tensor;
    }
    Tensor converted = Tensor.allocate(target, tensor.shape());
    castInto(tensor, converted);
    return converted;
  }

  static void castInto(Tensor tensor, Tensor target) {
    requireFloating(tensor.dtype());
    requireFloating(target.dtype());
    if (tensor.elementCount() != target.elementCount()) {
      throw new IllegalArgumentException("cannot cast " + tensor + " into " + target);
    }
    if (tensor.dtype() == target.dtype()) {
      target.buffer().put(tensor.buffer());
      return;
    }
    float[] wide = new float[CHUNK];
    short[] narrow = new short[CHUNK];
    int count = tensor.elementCount();
    for (int at = 0; at < count; at += CHUNK) {
      int length = Math.min(CHUNK, count - at);
      read(tensor, at, wide, narrow, length);
      write(target, at, wide, narrow, length);
    }
  }

  private static void read(Tensor tensor, int at, float[] wide, short[] narrow, int length) {
    if (tensor.dtype() == DType.FLOAT32) {
      tensor.floats().get(at, wide, 0, length);
      return;
    }
    tensor.buffer().asShortBuffer().get(at, narrow, 0, length);
    if (tensor.dtype() == DType.BFLOAT16) {
      for (int i = 0; i < length; i++) {
        wide[i] = Float.intBitsToFloat(narrow[i] << 16);
      }
    } else {
      for (int i = 0; i < length; i++) {
        wide[i] = halfToFloat(narrow[i]);
      }
    }
  }

  private static void write(Tensor tensor, int at, float[] wide, short[] narrow, int length) {
    if (tensor.dtype() == DType.FLOAT32) {
      tensor.floats().put(at, wide, 0, length);
      return;
    }
    if (tensor.dtype() == DType.BFLOAT16) {
      for (int i = 0; i < length; i++) {
        narrow[i] = floatToBfloat(wide[i]);
      }
    } else {
      for (int i = 0; i < length; i++) {
        narrow[i] = floatToHalf(wide[i]);
      }
    }
    tensor.buffer().asShortBuffer().put(at, narrow, 0, length);
  }

  static float halfToFloat(short bits) {
    int sign = (bits & 0x8000) << 16;
    int magnitude = bits & 0x7fff;
    if (magnitude >= 0x7c00) { // infinity and NaN keep their payload
      return Float.intBitsToFloat(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
    }
    // Shifting the exponent into place scales by 2^-112; multiplying back is exact and also
    // normalises the subnormals.
    float scaled = Float.intBitsToFloat(magnitude << 13) * 0x1p112f;
    return Float.intBitsToFloat(sign | Float.floatToRawIntBits(scaled));
  }

  static short floatToHalf(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = bits >>> 16 & 0x8000;
    int magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) {
      return (short) (sign | 0x7e00);
    }
    if (magnitude >= 0x477ff000) { // 65520 and above round to infinity
      return (short) (sign | 0x7c00);
    }
    if (magnitude < 0x38800000) { // below 2^-14: subnormal, in units of 2^-24
      float units = Math.abs(value) * 0x1p24f;
      return (short) (sign | (int) Math.rint(units));
    }
    int rounded = magnitude + 0xfff + (magnitude >>> 13 & 1) - 0x38000000;
    return (short) (sign | rounded >>> 13);
  }

  static short floatToBfloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    if ((bits & 0x7fffffff) > 0x7f800000) {
      return (short) (bits >>> 16 | 0x40);
    }
    return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }

  private static void requireFloating(DType dtype) {
    if (!dtype.isFloating()) {
      throw new IllegalStateException("expected a floating-point type, found " + dtype);
    }
  }
}
