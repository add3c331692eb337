package io.github.lcm4j.safetensors;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;

/**
 * One safetensors file, memory-mapped.
 *
 * <p>{@link #open} reads and checks the header; the tensors are views of the mapping and cost
 * nothing until they are read. Files may be larger than 2 GiB, single tensors may not. The mapping
 * lives as long as this object or any tensor taken from it is reachable, so nothing needs closing
 * and no view can outlive its memory; the file must not be changed meanwhile.
 *
 * <p>Format: <a href="https://github.com/huggingface/safetensors">safetensors</a>: a little-endian
 * 64-bit header length, a JSON header, then the tensors' bytes without gaps.
 */
public final class SafetensorsFile implements WeightSource {
  /** A mapping cannot be longer than a buffer's index reaches. */
  private static final long MAX_SEGMENT = Integer.MAX_VALUE;

  private record Slot(int segment, int position) {}

  private final Path file;

  /** Closed when it is no longer reachable, like the mapping. */
  private final FileChannel channel;

  private final Map<String, TensorInfo> tensors;
  private final Map<String, Slot> slots;
  private final List<ByteBuf> segments;
  private final Map<String, String> metadata;

  private SafetensorsFile(
      Path file,
      FileChannel channel,
      Map<String, TensorInfo> tensors,
      Map<String, Slot> slots,
      List<ByteBuf> segments,
      Map<String, String> metadata) {
    this.file = file;
    this.channel = channel;
    this.tensors = Collections.unmodifiableMap(tensors);
    this.slots = slots;
    this.segments = segments;
    this.metadata = Collections.unmodifiableMap(metadata);
  }

  /**
   * Opens and checks a file.
   *
   * @param file a safetensors file
   * @return its tensors
   * @throws SafetensorsException if the file is truncated, its header is longer than the file or
   *     than 100 MB or not valid JSON, a name occurs twice, a type is unknown, a shape does not fit
   *     its bytes, or the offsets overlap, leave gaps or run out of the file
   * @throws IOException if the file cannot be read
   */
  public static SafetensorsFile open(Path file) throws IOException {
    if (Files.isDirectory(file)) {
      throw new SafetensorsException(file + " is a folder, not a safetensors file");
    }
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    try {
      SafetensorsHeader header = SafetensorsHeader.read(file, channel);
      Map<String, TensorInfo> tensors = new LinkedHashMap<>();
      Map<String, Slot> slots = new LinkedHashMap<>();
      List<ByteBuf> segments = new ArrayList<>();
      long start = header.dataOffset();
      long end = start;
      List<TensorInfo> pending = new ArrayList<>();
      for (TensorInfo info : header.tensors()) {
        tensors.put(info.name(), info);
        if (info.byteSize() > MAX_SEGMENT) {
          continue; // listed, but refused when it is asked for
        }
        if (info.offset() + info.byteSize() - start > MAX_SEGMENT) {
          map(channel, start, end, pending, slots, segments);
          start = info.offset();
        }
        pending.add(info);
        end = info.offset() + info.byteSize();
      }
      map(channel, start, end, pending, slots, segments);
      return new SafetensorsFile(file, channel, tensors, slots, segments, header.metadata());
    } catch (Throwable e) {
      channel.close();
      throw e;
    }
  }

  private static void map(
      FileChannel channel,
      long start,
      long end,
      List<TensorInfo> pending,
      Map<String, Slot> slots,
      List<ByteBuf> segments)
      throws IOException {
    if (pending.isEmpty()) {
      return;
    }
    for (TensorInfo info : pending) {
      slots.put(info.name(), new Slot(segments.size(), (int) (info.offset() - start)));
    }
    pending.clear();
    ByteBuffer mapped =
        end == start
            ? ByteBuffer.allocateDirect(0)
            : channel.map(FileChannel.MapMode.READ_ONLY, start, end - start);
    segments.add(Unpooled.wrappedBuffer(mapped));
  }

  /** The file. */
  public Path file() {
    return file;
  }

  @Override
  public Set<String> names() {
    return tensors.keySet();
  }

  @Override
  public TensorInfo info(String name) {
    TensorInfo info = tensors.get(name);
    if (info == null) {
      throw new NoSuchElementException(file + " has no tensor " + name);
    }
    return info;
  }

  @Override
  public Tensor tensor(String name) {
    TensorInfo info = info(name);
    DType dtype = SafetensorsType.valueOf(info.type()).dtype();
    if (dtype == null) {
      throw new IllegalStateException(
          "%s: tensor %s has type %s; lcm4j computes with F32, F16, BF16, I64 and I32 only"
              .formatted(file, name, info.type()));
    }
    Slot slot = slots.get(name);
    if (slot == null) {
      throw new IllegalStateException(
          "%s: tensor %s has %d bytes, more than the 2 GiB one tensor can hold"
              .formatted(file, name, info.byteSize()));
    }
    ByteBuffer view =
        segments.get(slot.segment()).nioBuffer(slot.position(), (int) info.byteSize());
    return Tensor.wrap(dtype, info.shape(), view);
  }

  @Override
  public void read(String name, long from, Tensor into) throws IOException {
    TensorInfo info = info(name);
    DType dtype = into.dtype();
    if (dtype != info.dtype() || from < 0 || from + into.elementCount() > info.elementCount()) {
      WeightSource.super.read(name, from, into); // it says what is wrong
      return;
    }
    ByteBuffer target = into.buffer();
    long position = info.offset() + from * dtype.byteSize();
    try {
      while (target.hasRemaining()) {
        int count = channel.read(target, position);
        if (count < 0) {
          throw new SafetensorsException(
              "%s ends within tensor %s; was it changed?".formatted(file, name));
        }
        position += count;
      }
    } catch (ClosedChannelException e) { // a thread was interrupted while it read
      WeightSource.super.read(name, from, into);
    }
  }

  @Override
  public Map<String, String> metadata() {
    return metadata;
  }

  @Override
  public Set<Path> files() {
    return Set.of(file);
  }

  @Override
  public String description() {
    return file.toString();
  }
}
