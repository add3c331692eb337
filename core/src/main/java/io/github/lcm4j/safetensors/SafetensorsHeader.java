package io.github.lcm4j.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufInputStream;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The checked header of a safetensors file.
 *
 * @param dataOffset position of the first tensor byte in the file
 * @param tensors the tensors by ascending offset
 * @param metadata the file's own strings
 */
record SafetensorsHeader(long dataOffset, List<TensorInfo> tensors, Map<String, String> metadata) {
  /** The limit the reference implementation sets. */
  static final long MAX_LENGTH = 100_000_000;

  static final String METADATA = "__metadata__";

  /** Strings may be as long as the header; names are kept in no table, for each occurs once. */
  private static final ObjectMapper MAPPER =
      new ObjectMapper(
              JsonFactory.builder()
                  .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxStringLength((int) MAX_LENGTH)
                          .maxNameLength((int) MAX_LENGTH)
                          .build())
                  .build())
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  /** How a Git LFS pointer file begins, read as a length. */
  private static final long LFS_POINTER = 0x206e6f6973726576L; // "version "

  static SafetensorsHeader read(Path file, FileChannel channel) throws IOException {
    long size = channel.size();
    if (size < Long.BYTES) {
      throw new SafetensorsException(
          "%s is truncated: %d bytes, a safetensors file has at least 8".formatted(file, size));
    }
    long length = readFully(file, channel, 0, Long.BYTES).readLongLE();
    if (length == LFS_POINTER) {
      throw new SafetensorsException(
          file + " is a Git LFS pointer, not the file itself; fetch it with: git lfs pull");
    }
    if (length < 0 || length > MAX_LENGTH) {
      throw new SafetensorsException(
          "%s: the header claims %s bytes, more than the 100 MB allowed; is this a safetensors file?"
              .formatted(file, Long.toUnsignedString(length)));
    }
    long dataOffset = Long.BYTES + length;
    if (dataOffset > size) {
      throw new SafetensorsException(
          "%s is truncated: the header claims %d bytes, the file has %d after its length"
              .formatted(file, length, size - Long.BYTES));
    }
    ObjectNode root = parse(file, readFully(file, channel, Long.BYTES, (int) length));
    List<TensorInfo> tensors = new ArrayList<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : root.properties()) {
      if (entry.getKey().equals(METADATA)) {
        readMetadata(file, entry.getValue(), metadata);
      } else {
        tensors.add(readTensor(file, entry.getKey(), entry.getValue(), dataOffset));
      }
    }
    tensors.sort(
        Comparator.comparingLong(TensorInfo::offset).thenComparingLong(TensorInfo::byteSize));
    checkLayout(file, tensors, dataOffset, size);
    return new SafetensorsHeader(dataOffset, tensors, metadata);
  }

  private static ByteBuf readFully(Path file, FileChannel channel, long position, int length)
      throws IOException {
    ByteBuf buffer = Unpooled.buffer(length, Math.max(length, 1));
    while (buffer.readableBytes() < length) {
      int read =
          buffer.writeBytes(
              channel, position + buffer.readableBytes(), length - buffer.readableBytes());
      if (read < 0) {
        throw new SafetensorsException(file + " is truncated: it ended while the header was read");
      }
    }
    return buffer;
  }

  private static ObjectNode parse(Path file, ByteBuf bytes) throws SafetensorsException {
    // A reader, for given bytes Jackson would also take UTF-16 and UTF-32.
    try (Reader in =
        new InputStreamReader(new ByteBufInputStream(bytes), StandardCharsets.UTF_8.newDecoder())) {
      JsonNode root = MAPPER.readTree(in);
      if (root instanceof ObjectNode object) {
        return object;
      }
      throw new SafetensorsException(
          file + ": the header must be a JSON object, found " + root.getNodeType());
    } catch (JsonProcessingException e) {
      String message = String.valueOf(e.getOriginalMessage());
      String fault =
          message.startsWith("Duplicate field") ? "has a name twice" : "is not valid JSON";
      throw new SafetensorsException(
          "%s: the header %s: %s".formatted(file, fault, message.lines().findFirst().orElse("")),
          e);
    } catch (CharacterCodingException e) {
      throw new SafetensorsException(file + ": the header is not valid UTF-8", e);
    } catch (SafetensorsException e) {
      throw e;
    } catch (IOException e) {
      throw new SafetensorsException(file + ": the header cannot be read: " + e.getMessage(), e);
    }
  }

  private static void readMetadata(Path file, JsonNode node, Map<String, String> into)
      throws SafetensorsException {
    if (node.isNull()) {
      return;
    }
    if (!node.isObject()) {
      throw new SafetensorsException(file + ": __metadata__ must be an object of strings");
    }
    for (Map.Entry<String, JsonNode> entry : node.properties()) {
      if (!entry.getValue().isTextual()) {
        throw new SafetensorsException(
            "%s: __metadata__ entry %s must be a string, found %s"
                .formatted(file, entry.getKey(), entry.getValue().getNodeType()));
      }
      into.put(entry.getKey(), entry.getValue().textValue());
    }
  }

  private static TensorInfo readTensor(Path file, String name, JsonNode node, long dataOffset)
      throws SafetensorsException {
    if (!node.isObject()) {
      throw new SafetensorsException(
          "%s: tensor %s must be a JSON object, found %s".formatted(file, name, node));
    }
    SafetensorsType type = SafetensorsType.byName(node.path("dtype").asText(""));
    if (type == null) {
      throw new SafetensorsException(
          "%s: tensor %s has the unknown dtype %s, expected one of %s"
              .formatted(file, name, node.get("dtype"), List.of(SafetensorsType.values())));
    }
    JsonNode dimensions = node.path("shape");
    JsonNode offsets = node.path("data_offsets");
    if (!dimensions.isArray()) {
      throw new SafetensorsException("%s: tensor %s has no shape".formatted(file, name));
    }
    if (!offsets.isArray() || offsets.size() != 2) {
      throw new SafetensorsException(
          "%s: tensor %s has no data_offsets of two numbers".formatted(file, name));
    }
    long[] shape = new long[dimensions.size()];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = readCount(file, name, "shape", dimensions.get(i));
    }
    long bytes;
    try {
      bytes = type.byteSize(shape);
    } catch (ArithmeticException e) {
      throw new SafetensorsException(
          "%s: tensor %s of type %s has the impossible shape %s: %s"
              .formatted(file, name, type, dimensions, e.getMessage()),
          e);
    }
    long begin = readCount(file, name, "data_offsets", offsets.get(0));
    long end = readCount(file, name, "data_offsets", offsets.get(1));
    if (end - begin != bytes) {
      throw new SafetensorsException(
          "%s: tensor %s of type %s and shape %s takes %d bytes, data_offsets %s give it %d"
              .formatted(file, name, type, dimensions, bytes, offsets, end - begin));
    }
    if (begin > Long.MAX_VALUE - dataOffset) {
      throw new SafetensorsException(
          "%s: tensor %s has data_offsets %s outside the file".formatted(file, name, offsets));
    }
    return new TensorInfo(name, type.name(), shape, file, dataOffset + begin, bytes);
  }

  private static long readCount(Path file, String name, String field, JsonNode node)
      throws SafetensorsException {
    if (!node.isIntegralNumber() || !node.canConvertToLong() || node.longValue() < 0) {
      throw new SafetensorsException(
          "%s: tensor %s has the %s entry %s, expected a whole number of at least 0"
              .formatted(file, name, field, node));
    }
    return node.longValue();
  }

  private static void checkLayout(Path file, List<TensorInfo> tensors, long dataOffset, long size)
      throws SafetensorsException {
    long expected = dataOffset;
    for (TensorInfo info : tensors) {
      if (info.offset() != expected) {
        throw new SafetensorsException(
            "%s: tensor %s starts at byte %d, expected %d: the offsets %s"
                .formatted(
                    file,
                    info.name(),
                    info.offset() - dataOffset,
                    expected - dataOffset,
                    info.offset() < expected ? "overlap" : "leave a gap"));
      }
      expected += info.byteSize();
      if (expected > size || expected < 0) {
        throw new SafetensorsException(
            "%s is truncated: tensor %s ends at byte %d, the file at %d"
                .formatted(file, info.name(), expected, size));
      }
    }
    if (expected != size) {
      throw new SafetensorsException(
          "%s: %d bytes after the last tensor belong to none".formatted(file, size - expected));
    }
  }
}
