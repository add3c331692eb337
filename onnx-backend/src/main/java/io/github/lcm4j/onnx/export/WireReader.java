package io.github.lcm4j.onnx.export;

import com.google.protobuf.InvalidProtocolBufferException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;

/**
 * Walks the fields of one protobuf message in a buffer without copying their contents, so that a
 * file's weights are passed over rather than parsed.
 *
 * <p>Format: <a href="https://protobuf.dev/programming-guides/encoding/">protobuf's wire
 * format</a>.
 */
final class WireReader {
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED32 = 5;

  private final ByteBuffer buffer;
  private final int end;
  private int position;
  private int fieldStart;
  private int field;
  private int wireType;
  private int valueStart;

  /** A reader of the message in bytes {@code [start, end)} of a buffer. */
  WireReader(ByteBuffer buffer, int start, int end) {
    this.buffer = buffer;
    this.position = start;
    this.end = end;
  }

  /** Goes to the next field; false at the end of the message. */
  boolean next() throws InvalidProtocolBufferException {
    if (position == end) {
      return false;
    }
    fieldStart = position;
    long tag = readVarint();
    field = (int) (tag >>> 3);
    wireType = (int) (tag & 7);
    if (field == 0 || tag >>> 32 != 0) {
      throw new InvalidProtocolBufferException("field number 0 at byte " + fieldStart);
    }
    long length = 0;
    valueStart = position;
    switch (wireType) {
      case VARINT -> readVarint();
      case FIXED64 -> length = 8;
      case FIXED32 -> length = 4;
      case BYTES -> {
        length = readVarint();
        valueStart = position;
      }
      default ->
          throw new InvalidProtocolBufferException(
              "wire type %d at byte %d".formatted(wireType, fieldStart));
    }
    if (length < 0 || length > end - position) {
      throw new InvalidProtocolBufferException(
          "a field at byte %d has %d bytes where %d remain"
              .formatted(fieldStart, length, end - position));
    }
    position += (int) length;
    return true;
  }

  /** Number of the current field. */
  int field() {
    return field;
  }

  /** Whether the current field is a string, bytes, message or packed array. */
  boolean isBytes() {
    return wireType == BYTES;
  }

  /** Where the current field's contents begin. */
  int start() {
    return valueStart;
  }

  /** Number of bytes of the current field's contents. */
  int length() {
    return position - valueStart;
  }

  /** A reader of the current field's message. */
  WireReader message() {
    return new WireReader(buffer, valueStart, position);
  }

  /** A view of the current field's contents. */
  ByteBuffer contents() {
    return buffer.slice(valueStart, length());
  }

  /** Appends the current field, tag included, to another message. */
  void copyTo(ByteArrayOutputStream message) {
    byte[] bytes = new byte[position - fieldStart];
    buffer.get(fieldStart, bytes);
    message.writeBytes(bytes);
  }

  private long readVarint() throws InvalidProtocolBufferException {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (position == end) {
        throw new InvalidProtocolBufferException("ends inside a number at byte " + position);
      }
      byte next = buffer.get(position++);
      value |= (long) (next & 0x7f) << shift;
      if (next >= 0) {
        return value;
      }
    }
    throw new InvalidProtocolBufferException("a number of more than 64 bits at byte " + position);
  }
}
