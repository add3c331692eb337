package io.github.lcm4j.tensor;

/** Casts between the floating-point types. Java 17 has no {@code Float.float16ToFloat}. */
final class Conversions {
  private Conversions() {}

  /** Elements converted at a time, through arrays that stay in the first-level cache. */
  private static final int CHUNK = 2048;

  /** Bits of the smallest float32 that is a normal float16, 2^-14. */
  private static final int HALF_NORMAL = 0x38800000;

  /** Bits of the smallest float32 that rounds to infinity in float16, 65520. */
  private static final int HALF_OVERFLOW = 0x477ff000;

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
    int[] bits = new int[CHUNK];
    int[] rounded = new int[CHUNK];
    short[] narrow = new short[CHUNK];
    int count = tensor.elementCount();
    for (int at = 0; at < count; at += CHUNK) {
      int length = Math.min(CHUNK, count - at);
      read(tensor, at, bits, narrow, length);
      write(target, at, bits, rounded, narrow, length);
    }
  }

  /** Reads elements as the bits of float32: C2 vectorises loops over int, not over such casts. */
  private static void read(Tensor tensor, int at, int[] bits, short[] narrow, int length) {
    if (tensor.dtype() == DType.FLOAT32) {
      tensor.buffer().asIntBuffer().get(at, bits, 0, length);
      return;
    }
    tensor.buffer().asShortBuffer().get(at, narrow, 0, length);
    if (tensor.dtype() == DType.BFLOAT16) {
      for (int i = 0; i < length; i++) {
        bits[i] = narrow[i] << 16;
      }
    } else {
      for (int i = 0; i < length; i++) {
        bits[i] = HalfTable.BITS[narrow[i] & 0xffff];
      }
    }
  }

  private static void write(
      Tensor tensor, int at, int[] bits, int[] rounded, short[] narrow, int length) {
    if (tensor.dtype() == DType.FLOAT32) {
      tensor.buffer().asIntBuffer().put(at, bits, 0, length);
      return;
    }
    if (tensor.dtype() == DType.BFLOAT16) {
      for (int i = 0; i < length; i++) {
        narrow[i] = floatToBfloat(Float.intBitsToFloat(bits[i]));
      }
    } else {
      // All as if in the normal range, which vectorises; then the few that are not once more.
      for (int i = 0; i < length; i++) {
        int magnitude = bits[i] & 0x7fffffff;
        rounded[i] =
            bits[i] >>> 16 & 0x8000
                | (magnitude + 0xfff + (magnitude >>> 13 & 1) - 0x38000000) >>> 13;
      }
      for (int i = 0; i < length; i++) {
        int aboveSubnormal = (bits[i] & 0x7fffffff) - HALF_NORMAL;
        narrow[i] =
            Integer.compareUnsigned(aboveSubnormal, HALF_OVERFLOW - HALF_NORMAL) < 0
                ? (short) rounded[i]
                : floatToHalf(Float.intBitsToFloat(bits[i]));
      }
    }
    tensor.buffer().asShortBuffer().put(at, narrow, 0, length);
  }

  /** The float32 bits of every float16. */
  private static final class HalfTable {
    static final int[] BITS = new int[1 << 16];

    static {
      for (int i = 0; i < BITS.length; i++) {
        BITS[i] = Float.floatToRawIntBits(halfToFloat((short) i));
      }
    }
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
    if (magnitude >= HALF_OVERFLOW) {
      return (short) (sign | 0x7c00);
    }
    if (magnitude < HALF_NORMAL) { // subnormal, in units of 2^-24
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
