package io.github.lcm4j.onnx.export;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataLocation;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.google.protobuf.CodedOutputStream;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.onnx.export.Exports.Golden;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OnnxModelFileTest {
  private static final Golden UNET = new Golden("sd15-torchscript", "unet");
  private static final int BYTES_FIELD = 2;

  @TempDir Path folder;

  private void assertRefused(Path file, String... expected) {
    String message =
        assertThrows(CheckpointException.class, () -> OnnxModelFile.read(file)).getMessage();
    assertTrue(message.contains(file.toString()), message);
    for (String part : expected) {
      assertTrue(message.contains(part), message + " should contain " + part);
    }
  }

  private Path write(byte[] bytes) throws IOException {
    return Files.write(folder.resolve("model.onnx"), bytes);
  }

  private Path write(String text) throws IOException {
    return write(text.getBytes(StandardCharsets.UTF_8));
  }

  private Path writeExternal(long[] dims, String location, String offset, String length)
      throws IOException {
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName("w")
            .setDataType(DataType.FLOAT_VALUE)
            .setDataLocation(DataLocation.EXTERNAL)
            .addExternalData(entry("location", location))
            .addExternalData(entry("offset", offset))
            .addExternalData(entry("length", length));
    for (long extent : dims) {
      tensor.addDims(extent);
    }
    return write(
        ModelProto.newBuilder()
            .setIrVersion(8)
            .setGraph(GraphProto.newBuilder().addInitializer(tensor))
            .build()
            .toByteArray());
  }

  private static StringStringEntryProto.Builder entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value);
  }

  @Test
  void aTruncatedFileIsRefused() throws IOException {
    byte[] whole = Files.readAllBytes(UNET.file());
    for (int length : new int[] {1, 10, 5_000, whole.length / 2, whole.length - 1}) {
      assertRefused(write(Arrays.copyOf(whole, length)), "truncated or not an ONNX model");
    }
  }

  @Test
  void otherFilesAreRefused() throws IOException {
    assertRefused(write(""), "has 0 bytes");
    assertRefused(write("{\"a\": 1}"), "not an ONNX model");
    String pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 8\n";
    assertRefused(write(pointer), "git lfs pull");
    Files.writeString(folder.resolve("weights.pb"), pointer);
    String message =
        assertThrows(
                CheckpointException.class,
                () -> OnnxModelFile.read(writeExternal(new long[] {2}, "weights.pb", "0", "8")))
            .getMessage();
    assertTrue(message.contains("weights.pb") && message.contains("git lfs pull"), message);
  }

  @Test
  void missingDataFilesAreNamed() throws IOException {
    assertRefused(
        writeExternal(new long[] {2}, "weights.pb", "0", "8"), "weights.pb", "does not exist");
  }

  @Test
  void dataOutsideTheFolderIsRefused() throws IOException {
    folder = Files.createDirectory(folder.resolve("model"));
    Files.write(folder.resolveSibling("secret"), new byte[8]);
    assertRefused(writeExternal(new long[] {2}, "../secret", "0", "8"), "../secret");
  }

  @Test
  void truncatedDataFilesAreRefused() throws IOException {
    Files.write(folder.resolve("weights.pb"), new byte[100]);
    assertRefused(
        writeExternal(new long[] {2}, "weights.pb", "96", "8"),
        "bytes 96 to 104",
        "which has 100",
        "truncated");
    assertRefused(writeExternal(new long[] {2}, "weights.pb", "-4", "8"), "bytes -4 to 4");
  }

  @Test
  void shapesMustFitTheirBytes() throws IOException {
    Files.write(folder.resolve("weights.pb"), new byte[100]);
    assertRefused(
        writeExternal(new long[] {3}, "weights.pb", "0", "8"), "[3]", "12 bytes, found 8");
    assertRefused(
        writeExternal(new long[] {1L << 40, 1L << 40}, "weights.pb", "0", "8"), "found 8");
    assertRefused(writeExternal(new long[] {2}, "weights.pb", "x", "8"), "not a number");
  }

  /** Positions beyond 4 GiB, in a file that is mostly a hole. */
  @Test
  void weightsBehindGigabytesAreRead() throws IOException {
    long offset = (5L << 30) + 3;
    try (RandomAccessFile data = new RandomAccessFile(folder.resolve("w.pb").toFile(), "rw")) {
      data.setLength(offset + 8);
      data.seek(offset);
      data.write(
          ByteBuffer.allocate(8)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putFloat(1.5f)
              .putFloat(-2)
              .array());
    }
    Path file = writeExternal(new long[] {2}, "w.pb", Long.toString(offset), "8");
    StoredTensor tensor = OnnxModelFile.read(file).constants().get("w");
    assertArrayEquals(new float[] {1.5f, -2}, tensor.read().toFloatArray());
  }

  /** Nearly 2 GiB of weights inside the model stay in the file, which is mostly a hole. */
  @Test
  void weightsInsideTheModelStayThere() throws IOException {
    long elements = 480_000_000;
    long bytes = elements * Float.BYTES;
    ByteArrayOutputStream tensor = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(tensor);
    out.writeInt64(TensorProto.DIMS_FIELD_NUMBER, elements);
    out.writeInt32(TensorProto.DATA_TYPE_FIELD_NUMBER, DataType.FLOAT_VALUE);
    out.writeString(TensorProto.NAME_FIELD_NUMBER, "w");
    out.writeTag(TensorProto.RAW_DATA_FIELD_NUMBER, BYTES_FIELD);
    out.writeUInt32NoTag((int) bytes);
    out.flush();
    int tensorSize = tensor.size() + (int) bytes;
    int graphSize = 1 + CodedOutputStream.computeUInt32SizeNoTag(tensorSize) + tensorSize;
    ByteArrayOutputStream model = new ByteArrayOutputStream();
    out = CodedOutputStream.newInstance(model);
    out.writeTag(ModelProto.GRAPH_FIELD_NUMBER, BYTES_FIELD);
    out.writeUInt32NoTag(graphSize);
    out.writeTag(GraphProto.INITIALIZER_FIELD_NUMBER, BYTES_FIELD);
    out.writeUInt32NoTag(tensorSize);
    out.flush();
    model.writeBytes(tensor.toByteArray());
    Path file = write(model.toByteArray());
    try (RandomAccessFile data = new RandomAccessFile(file.toFile(), "rw")) {
      data.setLength(model.size() + bytes);
      data.seek(model.size() + bytes - 4);
      data.write(new byte[] {0, 0, (byte) 0x80, 0x3f}); // 1.0f
    }

    OnnxModelFile read = OnnxModelFile.read(file);

    assertEquals(0, read.model().getGraph().getInitializer(0).getRawData().size());
    StoredTensor stored = read.constants().get("w");
    assertEquals(model.size(), stored.offset());
    assertEquals(1f, stored.read().floats().get((int) elements - 1));
  }

  /** Packed floats may come in several pieces; then they are no one range of bytes. */
  @Test
  void floatsInPiecesAreJoined() throws IOException {
    ByteArrayOutputStream tensor = new ByteArrayOutputStream();
    tensor.writeBytes(
        TensorProto.newBuilder()
            .setName("w")
            .setDataType(DataType.FLOAT_VALUE)
            .addDims(3)
            .addFloatData(1)
            .addFloatData(2)
            .build()
            .toByteArray());
    tensor.writeBytes(TensorProto.newBuilder().addFloatData(3).build().toByteArray());
    byte[] graph = field(GraphProto.INITIALIZER_FIELD_NUMBER, tensor.toByteArray());
    Path file = write(field(ModelProto.GRAPH_FIELD_NUMBER, graph));

    StoredTensor stored = OnnxModelFile.read(file).constants().get("w");

    assertArrayEquals(new float[] {1, 2, 3}, stored.read().toFloatArray());
  }

  private static byte[] field(int number, byte[] contents) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    out.writeByteArray(number, contents);
    out.flush();
    return bytes.toByteArray();
  }
}
