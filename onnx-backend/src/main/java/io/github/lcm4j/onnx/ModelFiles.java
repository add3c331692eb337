package io.github.lcm4j.onnx;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import io.github.lcm4j.checkpoint.StagedCheckpoint;
import io.github.lcm4j.onnx.export.DetachedGraph;
import io.github.lcm4j.safetensors.TensorEntry;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;

/** The files of a written model: its graph, and its weights as external data beside it. */
final class ModelFiles {
  private static final String MODEL = "model.onnx";
  private static final String DATA = "model.onnx_data";

  /** Each weight starts a page, so that it can be mapped by itself, as ONNX recommends. */
  private static final long ALIGNMENT = 4096;

  private ModelFiles() {}

  /**
   * Writes a model, asking for its weights one at a time.
   *
   * @param graph the model
   * @param staged the checkpoint it is a part of
   * @param part the part's folder
   * @throws IOException if a weight cannot be had or a file not be written
   * @throws java.util.concurrent.CancellationException if the work was cancelled
   */
  static void write(DetachedGraph graph, StagedCheckpoint staged, String part) throws IOException {
    Map<String, Long> offsets = new LinkedHashMap<>();
    long end = 0;
    for (Map.Entry<String, TensorEntry> weight : graph.weights().entrySet()) {
      long offset = (end + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
      offsets.put(weight.getKey(), offset);
      end = offset + weight.getValue().byteSize();
    }
    if (!offsets.isEmpty()) {
      try (FileChannel channel =
          FileChannel.open(
              staged.file(Path.of(part, DATA)),
              StandardOpenOption.CREATE_NEW,
              StandardOpenOption.WRITE)) {
        for (Map.Entry<String, TensorEntry> weight : graph.weights().entrySet()) {
          staged.checkCancelled();
          channel.position(offsets.get(weight.getKey()));
          weight.getValue().writeTo(channel);
        }
      }
    }
    GraphProto.Builder proto = graph.model().getGraph().toBuilder();
    for (TensorProto.Builder tensor : proto.getInitializerBuilderList()) {
      Long offset = offsets.get(tensor.getName());
      if (offset != null) {
        long length = graph.weights().get(tensor.getName()).byteSize();
        tensor
            .clearExternalData()
            .addExternalData(entry("location", DATA))
            .addExternalData(entry("offset", Long.toString(offset)))
            .addExternalData(entry("length", Long.toString(length)));
      }
    }
    Files.write(
        staged.file(Path.of(part, MODEL)),
        graph.model().toBuilder().setGraph(proto).build().toByteArray(),
        StandardOpenOption.CREATE_NEW);
  }

  private static StringStringEntryProto.Builder entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value);
  }
}
