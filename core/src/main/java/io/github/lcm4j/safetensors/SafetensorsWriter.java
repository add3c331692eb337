package io.github.lcm4j.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/**
 * Writes safetensors files as the reference implementation does: widest type first, then by name,
 * the header padded with spaces so that the data start at a multiple of 8 bytes.
 *
 * <p>Contents are asked for one tensor at a time. The file is written beside its place and moved
 * there when it is whole; if anything fails, nothing is left behind and an existing file stays as
 * it was.
 */
public final class SafetensorsWriter {
  private static final JsonFactory JSON = new JsonFactory();

  private SafetensorsWriter() {}

  /**
   * Writes tensors that are there already.
   *
   * @param file the file to make or replace; its folder must exist
   * @param tensors the tensors by name
   * @param metadata strings for the header; may be empty
   * @throws IOException if the file cannot be written
   * @throws IllegalArgumentException if a name is {@code __metadata__}
   */
  public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata)
      throws IOException {
    List<TensorEntry> entries = new ArrayList<>(tensors.size());
    tensors.forEach((name, tensor) -> entries.add(TensorEntry.of(name, tensor)));
    write(file, entries, metadata);
  }

  /**
   * Writes tensors one after the other, in the order of the file.
   *
   * @param file the file to make or replace; its folder must exist
   * @param entries the tensors, in any order
   * @param metadata strings for the header; may be empty
   * @throws IOException if the file cannot be written, or a tensor's contents cannot be had
   * @throws IllegalArgumentException if a name occurs twice or is {@code __metadata__}, or the
   *     header would be longer than the 100 MB the format allows
   * @throws IllegalStateException if a tensor has another type or shape than announced
   */
  public static void write(Path file, Collection<TensorEntry> entries, Map<String, String> metadata)
      throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    if (folder == null || !Files.isDirectory(folder)) {
      throw new NoSuchFileException(
          file.toString(), null, "there is no folder " + folder + " to write it to");
    }
    List<TensorEntry> sorted = new ArrayList<>(entries);
    sorted.sort(
        Comparator.comparing(TensorEntry::type)
            .reversed()
            .thenComparing(
                entry -> entry.name().getBytes(StandardCharsets.UTF_8), Arrays::compareUnsigned));
    ByteBuffer head = head(file, sorted, metadata);
    Path unfinished = file.resolveSibling(file.getFileName() + "." + UUID.randomUUID() + ".tmp");
    try {
      try (FileChannel channel =
          FileChannel.open(unfinished, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        while (head.hasRemaining()) {
          channel.write(head);
        }
        for (TensorEntry entry : sorted) {
          entry.writeTo(channel);
        }
      }
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (Throwable e) {
      try {
        Files.deleteIfExists(unfinished);
      } catch (IOException left) {
        e.addSuppressed(left);
      }
      throw e;
    }
  }

  /** The header's length, the header and its padding. */
  private static ByteBuffer head(Path file, List<TensorEntry> sorted, Map<String, String> metadata)
      throws IOException {
    byte[] json = header(file, sorted, metadata).getBytes(StandardCharsets.UTF_8);
    int length = (json.length + Long.BYTES - 1) / Long.BYTES * Long.BYTES;
    if (length > SafetensorsHeader.MAX_LENGTH) {
      throw new IllegalArgumentException(
          "%s: a header of %d bytes is longer than the 100 MB the format allows"
              .formatted(file, length));
    }
    byte[] padding = new byte[length - json.length];
    Arrays.fill(padding, (byte) ' ');
    return ByteBuffer.allocate(Long.BYTES + length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(length)
        .put(json)
        .put(padding)
        .flip();
  }

  private static String header(Path file, List<TensorEntry> sorted, Map<String, String> metadata)
      throws IOException {
    // Text first: Jackson's byte generator would escape characters beyond the basic plane.
    StringWriter text = new StringWriter();
    Set<String> names = new HashSet<>(Set.of(SafetensorsHeader.METADATA));
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeObjectFieldStart(SafetensorsHeader.METADATA);
        for (Map.Entry<String, String> entry : metadata.entrySet()) {
          json.writeStringField(entry.getKey(), entry.getValue());
        }
        json.writeEndObject();
      }
      long offset = 0;
      for (TensorEntry entry : sorted) {
        if (!names.add(entry.name())) {
          throw new IllegalArgumentException(
              "%s: there cannot be a second tensor %s".formatted(file, entry.name()));
        }
        long end = Math.addExact(offset, entry.byteSize());
        long[] shape = entry.shape();
        json.writeObjectFieldStart(entry.name());
        json.writeStringField("dtype", entry.type().name());
        json.writeFieldName("shape");
        json.writeArray(shape, 0, shape.length);
        json.writeFieldName("data_offsets");
        json.writeArray(new long[] {offset, end}, 0, 2);
        json.writeEndObject();
        offset = end;
      }
      json.writeEndObject();
    }
    return text.toString();
  }
}
