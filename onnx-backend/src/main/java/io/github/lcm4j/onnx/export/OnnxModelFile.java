package io.github.lcm4j.onnx.export;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataLocation;
import com.google.protobuf.InvalidProtocolBufferException;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.tensor.DType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * An ONNX file with its weights left where they are: the graph as protobuf messages without the
 * contents of large constants, and where those lie.
 *
 * <p>The file is mapped and walked field by field, so a file of gigabytes costs the memory of its
 * graph only.
 */
final class OnnxModelFile {
  /** Constants up to this size stay in the graph: shapes, axes and scalars that ORT folds. */
  static final int INLINE_BYTES = 1024;

  private static final byte[] LFS_POINTER =
      "version https://git-lfs".getBytes(StandardCharsets.US_ASCII);

  // Field numbers of onnx.proto.
  private static final int MODEL_GRAPH = 7;
  private static final int GRAPH_NODE = 1;
  private static final int GRAPH_INITIALIZER = 5;
  private static final int NODE_ATTRIBUTE = 5;
  private static final int ATTRIBUTE_TENSOR = 5;
  private static final int TENSOR_FLOAT_DATA = 4;
  private static final int TENSOR_RAW_DATA = 9;

  private final Path file;
  private final ModelProto model;
  private final Map<String, StoredTensor> constants;

  private OnnxModelFile(Path file, ModelProto model, Map<String, StoredTensor> constants) {
    this.file = file;
    this.model = model;
    this.constants = Collections.unmodifiableMap(constants);
  }

  /** The {@code .onnx} file. */
  Path file() {
    return file;
  }

  /** The model; constants larger than 1 KiB have no contents. */
  ModelProto model() {
    return model;
  }

  /** Initializers by name and tensors of Constant nodes by output, in the order of the file. */
  Map<String, StoredTensor> constants() {
    return constants;
  }

  /**
   * Reads a file's graph.
   *
   * @throws CheckpointException if it is not an ONNX model, or refers to data that is not there
   * @throws IOException if it cannot be read
   */
  static OnnxModelFile read(Path file) throws IOException {
    ByteBuffer bytes;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      if (size == 0 || size > Integer.MAX_VALUE) {
        throw new CheckpointException(
            "%s has %d bytes; an ONNX model has at least 1 and at most 2 GiB, larger weights lie in a file beside it"
                .formatted(file, size));
      }
      bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, size);
    }
    requireContents(file);
    try {
      return new Scan(file, bytes).run();
    } catch (InvalidProtocolBufferException e) {
      throw new CheckpointException(
          "%s is truncated or not an ONNX model: %s".formatted(file, e.getMessage()), e);
    }
  }

  private static void requireContents(Path file) throws IOException {
    byte[] start = new byte[LFS_POINTER.length];
    try (InputStream in = Files.newInputStream(file)) {
      in.readNBytes(start, 0, start.length);
    }
    if (Arrays.equals(start, LFS_POINTER)) {
      throw new CheckpointException(
          file + " is a Git LFS pointer, not the file itself; fetch it with: git lfs pull");
    }
  }

  /** One walk over a file. */
  private static final class Scan {
    private final Path file;
    private final ByteBuffer bytes;
    private final Map<String, StoredTensor> constants = new LinkedHashMap<>();
    private final Map<Path, Long> sizes = new HashMap<>();

    Scan(Path file, ByteBuffer bytes) {
      this.file = file;
      this.bytes = bytes;
      sizes.put(file, (long) bytes.capacity());
    }

    OnnxModelFile run() throws IOException {
      ByteArrayOutputStream rest = new ByteArrayOutputStream();
      GraphProto graph = null;
      WireReader reader = new WireReader(bytes, 0, bytes.capacity());
      while (reader.next()) {
        if (reader.field() == MODEL_GRAPH && reader.isBytes()) {
          graph = graph(reader.message());
        } else {
          reader.copyTo(rest);
        }
      }
      if (graph == null) {
        throw new InvalidProtocolBufferException("it has no graph");
      }
      ModelProto model = ModelProto.parseFrom(rest.toByteArray());
      return new OnnxModelFile(file, model.toBuilder().setGraph(graph).build(), constants);
    }

    private GraphProto graph(WireReader reader) throws IOException {
      ByteArrayOutputStream rest = new ByteArrayOutputStream();
      GraphProto.Builder graph = GraphProto.newBuilder();
      while (reader.next()) {
        if (reader.field() == GRAPH_INITIALIZER && reader.isBytes()) {
          Scanned tensor = tensor(reader);
          register(tensor.header().getName(), tensor);
          graph.addInitializer(tensor.header());
        } else if (reader.field() == GRAPH_NODE && reader.isBytes()) {
          graph.addNode(node(reader));
        } else {
          reader.copyTo(rest);
        }
      }
      return graph.mergeFrom(rest.toByteArray()).build();
    }

    private NodeProto node(WireReader field) throws IOException {
      ByteArrayOutputStream rest = new ByteArrayOutputStream();
      WireReader reader = field.message();
      while (reader.next()) {
        if (reader.field() != NODE_ATTRIBUTE) {
          reader.copyTo(rest);
        }
      }
      NodeProto.Builder node = NodeProto.parseFrom(rest.toByteArray()).toBuilder();
      boolean constant = node.getOpType().equals("Constant") && node.getOutputCount() == 1;
      reader = field.message();
      while (reader.next()) {
        if (reader.field() == NODE_ATTRIBUTE && reader.isBytes()) {
          node.addAttribute(
              constant
                  ? constantAttribute(node.getOutput(0), reader)
                  : AttributeProto.parseFrom(reader.contents()));
        }
      }
      return node.build();
    }

    private AttributeProto constantAttribute(String output, WireReader field) throws IOException {
      ByteArrayOutputStream rest = new ByteArrayOutputStream();
      WireReader reader = field.message();
      TensorProto value = null;
      while (reader.next()) {
        if (reader.field() == ATTRIBUTE_TENSOR && reader.isBytes()) {
          Scanned tensor = tensor(reader);
          register(output, tensor);
          value = tensor.header();
        } else {
          reader.copyTo(rest);
        }
      }
      AttributeProto attribute = AttributeProto.parseFrom(rest.toByteArray());
      return value == null ? attribute : attribute.toBuilder().setT(value).build();
    }

    /** A constant's message without large contents, and its contents' byte range if it has one. */
    private record Scanned(TensorProto header, int start, long offset, long length) {}

    private Scanned tensor(WireReader field) throws IOException {
      int contents = 0;
      int offset = field.start();
      int length = -1;
      WireReader reader = field.message();
      while (reader.next()) {
        if (isContents(reader)) {
          contents++;
          offset = reader.start();
          length = reader.length();
        }
      }
      if (contents > 1) {
        length = -1; // packed floats in several pieces: legal, and never written for weights
      }
      ByteArrayOutputStream rest = new ByteArrayOutputStream();
      reader = field.message();
      while (reader.next()) {
        if (length <= INLINE_BYTES || !isContents(reader)) {
          reader.copyTo(rest);
        }
      }
      return new Scanned(TensorProto.parseFrom(rest.toByteArray()), field.start(), offset, length);
    }

    private static boolean isContents(WireReader reader) {
      return reader.isBytes()
          && (reader.field() == TENSOR_RAW_DATA || reader.field() == TENSOR_FLOAT_DATA);
    }

    private void register(String name, Scanned scanned) throws IOException {
      TensorProto header = scanned.header();
      long[] dims = header.getDimsList().stream().mapToLong(Long::longValue).toArray();
      StoredTensor tensor =
          header.getDataLocation() == DataLocation.EXTERNAL
              ? external(name, header, dims)
              : new StoredTensor(
                  name,
                  header.getDataType(),
                  dims,
                  file,
                  scanned.length() < 0 ? scanned.start() : scanned.offset(),
                  scanned.length(),
                  scanned.length() <= INLINE_BYTES ? header : null);
      check(tensor);
      constants.put(name, tensor);
    }

    private StoredTensor external(String name, TensorProto header, long[] dims) throws IOException {
      Map<String, String> entries = new HashMap<>();
      for (StringStringEntryProto entry : header.getExternalDataList()) {
        entries.put(entry.getKey(), entry.getValue());
      }
      String location = entries.getOrDefault("location", "");
      Path folder = file.toAbsolutePath().normalize().getParent();
      Path data = folder.resolve(location).normalize();
      if (location.isEmpty() || !data.startsWith(folder)) {
        throw new CheckpointException(
            "%s: the data of %s lies in \"%s\"; it must lie in %s"
                .formatted(file, name, location, folder));
      }
      Long size = sizes.get(data);
      if (size == null) {
        if (!Files.isRegularFile(data)) {
          throw new CheckpointException(
              "%s: the data of %s lies in %s, which does not exist; download it beside the graph"
                  .formatted(file, name, data));
        }
        requireContents(data);
        size = Files.size(data);
        sizes.put(data, size);
      }
      try {
        long offset = Long.parseLong(entries.getOrDefault("offset", "0"));
        long length = Long.parseLong(entries.getOrDefault("length", "" + (size - offset)));
        return new StoredTensor(name, header.getDataType(), dims, data, offset, length, null);
      } catch (NumberFormatException e) {
        throw new CheckpointException(
            "%s: the offset or length of %s is not a number: %s".formatted(file, name, entries), e);
      }
    }

    private void check(StoredTensor tensor) throws CheckpointException {
      long fileSize = sizes.getOrDefault(tensor.file(), 0L);
      if (tensor.length() >= 0
          && (tensor.offset() < 0 || tensor.offset() > fileSize - tensor.length())) {
        throw new CheckpointException(
            "%s: %s needs bytes %d to %d of %s, which has %d; the file is truncated"
                .formatted(
                    file,
                    tensor.name(),
                    tensor.offset(),
                    tensor.offset() + tensor.length(),
                    tensor.file(),
                    fileSize));
      }
      DType dtype = tensor.dtype();
      if (dtype == null || tensor.length() < 0) {
        return; // not a weight, or checked when it is decoded
      }
      long expected;
      try {
        expected = Math.multiplyExact(tensor.elementCount(), dtype.byteSize());
      } catch (ArithmeticException e) {
        expected = -1;
      }
      if (expected != tensor.length()) {
        throw new CheckpointException(
            "%s: %s of type %s and shape %s takes %d bytes, found %d"
                .formatted(
                    file,
                    tensor.name(),
                    tensor.typeName(),
                    Arrays.toString(tensor.dims()),
                    expected,
                    tensor.length()));
      }
    }
  }
}
