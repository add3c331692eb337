package io.github.lcm4j.tensor;

/**
 * Casts between the floating-point types. Java 17 has no {@code Float.float16ToFloat}.
 *
 * <p>Elements go through small arrays: buffers are of several classes, and a call for each element
 * could not be inlined.
 */
final class Conversions {
  private static final int CHUNK = 2048;

  /** Every half-precision number as a float, by its bits; a look-up is faster than arithmetic. */
  private static final float[] HALVES = new float[1 << 16];

  static {
    for (int bits = 0; bits < HALVES.length; bits++) {
      HALVES[bits] = halfToFloat((short) bits);
    }
  }

  private Conversions() {}

  /** A cast, rounding to nearest even; the tensor itself if it has the type already. */
  static Tensor cast(Tensor tensor, DType target) {
    requireFloating(tensor.dtype());
    requireFloating(target);
    if (tensor.dtype() == target) {
      return tensor;
    }
    Tensor result = Tensor.allocate(target, tensor.shape());
    castInto(tensor, result);
    return result;
  }

  static void castInto(Tensor tensor, Tensor target) {
    requireFloating(tensor.dtype());
    requireFloating(target.dtype());
    int count = tensor.elementCount();
    if (count != target.elementCount()) {
      throw new IllegalArgumentException("cannot cast " + tensor + " into " + target);
    }
    if (tensor.dtype() == target.dtype()) {
      target.buffer().put(tensor.buffer());
      return;
    }
    float[] chunk = new float[CHUNK];
    short[] bits = new short[CHUNK];
    for (int start = 0; start < count; start += CHUNK) {
      int length = Math.min(CHUNK, count - start);
      read(tensor, start, chunk, 0, length, bits);
      write(chunk, length, bits, target, start);
    }
  }

  static float[] toFloatArray(Tensor tensor) {
    requireFloating(tensor.dtype());
    float[] values = new float[tensor.elementCount()];
    short[] bits = new short[CHUNK];
    for (int start = 0; start < values.length; start += CHUNK) {
      read(tensor, start, values, start, Math.min(CHUNK, values.length - start), bits);
    }
    return values;
  }

  private static void read(
      Tensor from, int start, float[] to, int offset, int length, short[] bits) {
    if (from.dtype() == DType.FLOAT32) {
      from.floats().get(start, to, offset, length);
      return;
    }
    from.buffer().asShortBuffer().get(start, bits, 0, length);
    if (from.dtype() == DType.BFLOAT16) {
      for (int i = 0; i < length; i++) {
        to[offset + i] = Float.intBitsToFloat(bits[i] << 16);
      }
    } else {
      for (int i = 0; i < length; i++) {
        to[offset + i] = HALVES[bits[i] & 0xffff];
      }
    }
  }

  private static void write(float[] from, int length, short[] bits, Tensor to, int start) {
    if (to.dtype() == DType.FLOAT32) {
      to.floats().put(start, from, 0, length);
      return;
    }
    if (to.dtype() == DType.BFLOAT16) {
      for (int i = 0; i < length; i++) {
        bits[i] = floatToBfloat(from[i]);
      }
    } else {
      for (int i = 0; i < length; i++) {
        bits[i] = floatToHalf(from[i]);
      }
    }
    to.buffer().asShortBuffer().put(start, bits, 0, length);
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
