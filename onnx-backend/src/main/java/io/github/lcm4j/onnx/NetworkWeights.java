package io.github.lcm4j.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession.SessionOptions;
import com.google.protobuf.ByteString;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.onnx.graph.NetworkGraph;
import io.github.lcm4j.onnx.graph.WeightRows;
import io.github.lcm4j.safetensors.TensorInfo;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Declares a network's weights in its graph and hands them to the session, each in the cheapest way
 * that is right for it:
 *
 * <ul>
 *   <li>a small one lies inside the model;
 *   <li>one that is untouched in its safetensors file is declared as external data right there, so
 *       that ONNX Runtime maps it itself; one of another type than the network computes in through
 *       a Cast that it folds away;
 *   <li>one that was changed lies in memory of ours and overrides a declaration that cannot be
 *       read: an optimization that wanted to would fail, not compute with the wrong numbers.
 * </ul>
 */
final class NetworkWeights {
  /** Up to this size copying costs nothing, and ONNX Runtime may fold the weight into others. */
  private static final int INLINE_BYTES = 64 << 10;

  static final String FOLDER_OPTION = "session.model_external_initializers_file_folder_path";

  private final WeightSource base;
  private final ChangedWeights changes;
  private final DType type;
  private final Initializers initializers;
  private final Map<Path, Path> realPaths = new LinkedHashMap<>();
  private Map<String, Tensor> changed = Map.of();
  private @Nullable Path folder;

  /**
   * Weights to be declared.
   *
   * @param base the checkpoint's tensors
   * @param changes those that differ from the checkpoint
   * @param type what the graph takes them in, float32 or float16
   * @param initializers takes the memory that the graph refers to
   */
  NetworkWeights(WeightSource base, ChangedWeights changes, DType type, Initializers initializers) {
    this.base = base;
    this.changes = changes;
    this.type = type;
    this.initializers = initializers;
  }

  /** Adds the declarations to a graph, and to the options where they point. */
  void declare(NetworkGraph network, GraphProto.Builder graph, SessionOptions options)
      throws OrtException, IOException {
    changed = changes.fold(initializers.arena());
    List<NodeProto> casts = new ArrayList<>();
    for (Map.Entry<String, long[]> weight : network.weights().entrySet()) {
      WeightRows rows = network.rows().get(weight.getKey());
      graph.addInitializer(declare(weight.getKey(), rows, weight.getValue(), casts));
    }
    List<NodeProto> rest = graph.getNodeList();
    graph.clearNode().addAllNode(casts).addAllNode(rest);
    if (folder != null) {
      options.addConfigEntry(FOLDER_OPTION, folder.toString());
    }
  }

  /** The contents a weight is to have. */
  private Tensor current(String name) {
    Tensor replacement = changed.get(name);
    return replacement != null ? replacement : base.tensor(name);
  }

  private static Tensor part(Tensor whole, @Nullable WeightRows rows) {
    return rows == null ? whole : whole.rows(rows.from(), rows.to());
  }

  /** The same for a small one, read: the mapping would bring in 16 pages for each of hundreds. */
  private Tensor small(String name, TensorInfo info, DType dtype) throws IOException {
    Tensor replacement = changed.get(name);
    if (replacement != null) {
      return replacement;
    }
    Tensor read = Tensor.allocate(dtype, info.shape());
    base.read(name, 0, read);
    return read;
  }

  /** A declaration that cannot be read, and the values that go in its place. */
  private TensorProto override(String name, Path from, Tensor values)
      throws OrtException, IOException {
    located(from);
    initializers.add(name, values);
    TensorProto.Builder declaration =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(number(values.dtype()))
            .setDataLocation(TensorProto.DataLocation.EXTERNAL)
            .addExternalData(entry("location", anyFile()))
            .addExternalData(entry("offset", "0"))
            .addExternalData(entry("length", "1"));
    for (long extent : values.shape()) {
      declaration.addDims(extent);
    }
    return declaration.build();
  }

  /** A weight file's real path; the first one decides on the folder. */
  private Path located(Path file) throws IOException {
    Path real = realPath(file);
    if (folder == null) {
      folder = real.getParent();
    }
    return real;
  }

  private TensorProto declare(
      String name, @Nullable WeightRows rows, long[] shape, List<NodeProto> casts)
      throws OrtException, IOException {
    String whole = rows == null ? name : rows.weight();
    TensorInfo info = base.info(whole);
    DType dtype = requireFloating(info);
    TensorProto.Builder declaration = TensorProto.newBuilder().setName(name);
    for (long extent : shape) {
      declaration.addDims(extent);
    }
    if (info.elementCount() * Float.BYTES <= INLINE_BYTES) {
      Tensor values = part(small(whole, info, dtype), rows).cast(type);
      return declaration
          .setDataType(number(type))
          .setRawData(ByteString.copyFrom(values.buffer()))
          .build();
    }
    Path file = located(info.file());
    boolean external = !changed.containsKey(whole) && file.getParent().equals(folder);
    if (!external) {
      Tensor values = part(current(whole), rows).cast(type).reshape(shape);
      return override(name, info.file(), values);
    }
    long rowBytes = rows == null ? 0 : info.byteSize() / info.shape()[0];
    long before = rows == null ? 0 : rows.from() * rowBytes;
    long length = rows == null ? info.byteSize() : (rows.to() - rows.from()) * rowBytes;
    declaration
        .setDataLocation(TensorProto.DataLocation.EXTERNAL)
        .addExternalData(entry("location", file.getFileName().toString()))
        .addExternalData(entry("offset", Long.toString(info.offset() + before)))
        .addExternalData(entry("length", Long.toString(length)));
    if (dtype == type) {
      return declaration.setDataType(number(type)).build();
    }
    casts.add(cast(name, type));
    return declaration.setName(storedName(name)).setDataType(number(dtype)).build();
  }

  /** Refuses a weight of a type that the networks cannot be computed with. */
  static DType requireFloating(TensorInfo info) throws CheckpointException {
    DType dtype = info.dtype();
    if (dtype == null || !dtype.isFloating()) {
      throw new CheckpointException(
          "%s: tensor %s is %s; lcm4j runs float32, float16 and bfloat16 weights"
              .formatted(info.file(), info.name(), dtype == null ? info.type() : dtype));
    }
    return dtype;
  }

  /** ONNX's number of a floating-point type. */
  static int number(DType type) {
    return switch (type) {
      case FLOAT32 -> TensorProto.DataType.FLOAT_VALUE;
      case FLOAT16 -> TensorProto.DataType.FLOAT16_VALUE;
      case BFLOAT16 -> TensorProto.DataType.BFLOAT16_VALUE;
      default -> throw new IllegalArgumentException("no type of weights: " + type);
    };
  }

  /** Some file of the folder: the runtime insists on one that is there. */
  private String anyFile() {
    for (Path file : realPaths.values()) {
      if (file.getParent().equals(folder)) {
        return file.getFileName().toString();
      }
    }
    throw new IllegalStateException("no weight file seen yet");
  }

  /** The runtime refuses links out of the folder, which download caches are made of. */
  private Path realPath(Path file) throws IOException {
    Path real = realPaths.get(file);
    if (real == null) {
      real = file.toRealPath();
      realPaths.put(file, real);
    }
    return real;
  }

  /** The name of a weight as it is stored; its own is that of what it is cast to. */
  static String storedName(String name) {
    return name + ".stored";
  }

  /** Casts a stored weight to the type that the graph takes, under its own name. */
  static NodeProto cast(String name, DType type) {
    return NodeProto.newBuilder()
        .setOpType("Cast")
        .setName(name + ".cast")
        .addInput(storedName(name))
        .addOutput(name)
        .addAttribute(
            AttributeProto.newBuilder()
                .setName("to")
                .setType(AttributeProto.AttributeType.INT)
                .setI(number(type)))
        .build();
  }

  private static StringStringEntryProto entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
  }
}
