package io.github.lcm4j.tensor;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;

/** Casts between the floating-point types. Java 17 has no {@code Float.float16ToFloat}. */
final class Conversions {
  private Conversions() {}

  static Tensor toFloat32(Tensor tensor) {
    if (tensor.dtype() == DType.FLOAT32) {
      return tensor;
    }
    requireFloating(tensor.dtype());
    Tensor wide = Tensor.allocate(DType.FLOAT32, tensor.shape());
    ShortBuffer from = tensor.buffer().asShortBuffer();
    FloatBuffer to = wide.floats();
    int count = tensor.elementCount();
    if (tensor.dtype() == DType.BFLOAT16) {
      for (int i = 0; i < count; i++) {
        to.put(i, Float.intBitsToFloat(from.get(i) << 16));
      }
    } else {
      for (int i = 0; i < count; i++) {
        to.put(i, halfToFloat(from.get(i)));
      }
    }
    return wide;
  }

  static Tensor cast(Tensor tensor, DType target) {
    requireFloating(tensor.dtype());
    requireFloating(target);
    if (tensor.dtype() == target) {
      return tensor;
    }
    Tensor wide = toFloat32(tensor);
    if (target == DType.FLOAT32) {
      return wide;
    }
    Tensor narrow = Tensor.allocate(target, tensor.shape());
    FloatBuffer from = wide.floats();
    ByteBuffer bytes = narrow.buffer();
    ShortBuffer to = bytes.asShortBuffer();
    int count = tensor.elementCount();
    if (target == DType.BFLOAT16) {
      for (int i = 0; i < count; i++) {
        to.put(i, floatToBfloat(from.get(i)));
      }
    } else {
      for (int i = 0; i < count; i++) {
        to.put(i, floatToHalf(from.get(i)));
      }
    }
    return narrow;
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
