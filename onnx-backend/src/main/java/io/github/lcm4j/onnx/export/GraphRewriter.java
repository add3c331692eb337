package io.github.lcm4j.onnx.export;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataLocation;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Gives parameters initializers of their own and turns everything else that is large into
 * references to the export's files.
 */
final class GraphRewriter {
  /** Initializers outside the graph's inputs, and so constant, exist from this IR version on. */
  private static final int CONSTANT_INITIALIZERS_IR_VERSION = 4;

  /** Beyond the end of any file: what lies there cannot be read by mistake. */
  private static final long UNREADABLE_OFFSET = 1L << 40;

  /** Begins the names of new initializers until it is known which names are free. */
  private static final String PLACEHOLDER = "lcm4j:";

  private final OnnxGraph graph;
  private final GraphProto original;
  private final NodeProto.Builder[] nodes;
  private final Map<Integer, List<NodeProto>> inserted = new HashMap<>();
  private final Map<String, Replacement> replacements = new LinkedHashMap<>();
  private final Set<Integer> bypassed = new TreeSet<>();
  private final Set<String> replacedSources = new HashSet<>();
  private final ReferencedFiles files;

  /**
   * New contents of a parameter in one layout.
   *
   * @param inline whether they go into the model: small ones, and those that nodes still move on
   *     their way, which ORT folds before it looks at what it is handed
   */
  private record Replacement(String parameter, Tensor tensor, boolean inline) {}

  GraphRewriter(OnnxGraph graph) throws IOException {
    this.graph = graph;
    this.files = ReferencedFiles.of(graph.file());
    this.original = graph.file().model().getGraph();
    this.nodes = new NodeProto.Builder[graph.nodeCount()];
    for (int node = 0; node < nodes.length; node++) {
      nodes[node] = graph.node(node).toBuilder();
    }
  }

  /** Replaces a parameter wherever it is taken. */
  void replace(String parameter, List<WeightSite> sites, Tensor value) throws CheckpointException {
    Map<String, Tensor> variants = new HashMap<>();
    for (WeightSite site : sites) {
      ConstantPath path = site.path();
      int end = path.replaceable();
      ConstantPath.State state = path.states().get(end);
      DType dtype = StoredTensor.dtype(state.dataType());
      if (dtype == null || !dtype.isFloating()) {
        throw new CheckpointException(
            "%s: %s is cast to ONNX type %d, which lcm4j cannot write"
                .formatted(graph.path(), parameter, state.dataType()));
      }
      boolean transposed = site.storedTransposed() != state.transposed();
      String placeholder =
          PLACEHOLDER + parameter + dtype + transposed + Arrays.toString(state.shape());
      Tensor stored =
          variants.computeIfAbsent(
              dtype + " " + transposed,
              key -> transposed ? Transposition.transpose(value.cast(dtype)) : value.cast(dtype));
      boolean inline = end < path.nodes().size() || stored.byteSize() <= OnnxModelFile.INLINE_BYTES;
      replacements.merge(
          placeholder,
          new Replacement(parameter, stored.reshape(shape(state)), inline),
          (one, other) -> one.inline() ? one : other);
      connect(site, end, placeholder);
    }
  }

  private static long[] shape(ConstantPath.State state) {
    long[] shape = state.shape();
    if (shape == null) {
      throw new IllegalStateException("a replaceable value has a shape");
    }
    return shape;
  }

  /** Leads an initializer to a node, through copies of the nodes that must stay on the way. */
  private void connect(WeightSite site, int end, String placeholder) {
    List<Integer> way = site.path().nodes();
    bypassed.addAll(way);
    replacedSources.add(site.source().name());
    String value = placeholder;
    for (int step = end; step < way.size(); step++) {
      String output = placeholder + ":" + site.node() + ":" + site.input() + ":" + step;
      inserted
          .computeIfAbsent(site.node(), node -> new ArrayList<>())
          .add(
              graph.node(way.get(step)).toBuilder()
                  .setName("")
                  .setInput(0, value)
                  .setOutput(0, output)
                  .build());
      value = output;
    }
    nodes[site.node()].setInput(site.input(), value);
  }

  /** The graph as rewritten so far. */
  OverriddenGraph finish() {
    Map<String, Integer> uses = countUses();
    Set<Integer> dropped = dropBypassed(uses);
    Set<String> taken = takenNames(uses, dropped);
    Map<String, String> names = new HashMap<>();
    Map<String, Tensor> initializers = new LinkedHashMap<>();
    GraphProto.Builder result =
        original.toBuilder().clearNode().clearInitializer().clearInput().clearValueInfo();
    replacements.forEach(
        (placeholder, replacement) -> {
          String name = replacement.parameter();
          for (int count = 1; !taken.add(name); count++) {
            name = replacement.parameter() + "_" + count;
          }
          names.put(placeholder, name);
          if (replacement.inline()) {
            result.addInitializer(inline(name, replacement.tensor()));
          } else {
            initializers.put(name, replacement.tensor());
            result.addInitializer(declaration(name, replacement.tensor()));
          }
        });
    addNodes(result, dropped, names);
    for (TensorProto initializer : original.getInitializerList()) {
      if (!isDropped(initializer.getName(), uses)) {
        result.addInitializer(reference(initializer));
      }
    }
    for (ValueInfoProto input : original.getInputList()) {
      if (graph.inputs().contains(input.getName())) {
        result.addInput(input);
      }
    }
    for (ValueInfoProto value : original.getValueInfoList()) {
      if (!names.containsValue(value.getName())) {
        result.addValueInfo(value); // else it may tell the shape of what had the name before
      }
    }
    ModelProto model = graph.file().model();
    byte[] bytes =
        model.toBuilder()
            .setIrVersion(Math.max(model.getIrVersion(), CONSTANT_INITIALIZERS_IR_VERSION))
            .setGraph(result)
            .build()
            .toByteArray();
    return new OverriddenGraph(bytes, initializers, files.folder());
  }

  private void addNodes(
      GraphProto.Builder result, Set<Integer> dropped, Map<String, String> names) {
    for (int index = 0; index < nodes.length; index++) {
      for (NodeProto copy : inserted.getOrDefault(index, List.of())) {
        result.addNode(renamed(copy.toBuilder(), names));
      }
      if (dropped.contains(index)) {
        continue;
      }
      TensorProto constant = largeConstant(nodes[index]);
      if (constant == null) {
        result.addNode(renamed(nodes[index], names));
      } else {
        result.addInitializer(constant); // an attribute cannot refer to a file
      }
    }
  }

  private static NodeProto.Builder renamed(NodeProto.Builder node, Map<String, String> names) {
    for (int input = 0; input < node.getInputCount(); input++) {
      String name = names.get(node.getInput(input));
      if (name != null) {
        node.setInput(input, name);
      }
    }
    return node;
  }

  /** Number of uses of every value after the replacements, the graph's outputs included. */
  private Map<String, Integer> countUses() {
    Map<String, Integer> uses = new HashMap<>();
    for (int index = 0; index < nodes.length; index++) {
      count(nodes[index].build(), uses);
      inserted.getOrDefault(index, List.of()).forEach(copy -> count(copy, uses));
    }
    original.getOutputList().forEach(output -> uses.merge(output.getName(), 1, Integer::sum));
    return uses;
  }

  /** Counts a node's inputs, those of the graphs in its attributes included. */
  private static void count(NodeProto node, Map<String, Integer> uses) {
    node.getInputList().forEach(input -> uses.merge(input, 1, Integer::sum));
    for (AttributeProto attribute : node.getAttributeList()) {
      if (attribute.hasG()) {
        attribute.getG().getNodeList().forEach(inner -> count(inner, uses));
        attribute
            .getG()
            .getOutputList()
            .forEach(output -> uses.merge(output.getName(), 1, Integer::sum));
      }
    }
  }

  /** Drops the nodes between old constants and their uses that nothing needs any more. */
  private Set<Integer> dropBypassed(Map<String, Integer> uses) {
    for (String source : replacedSources) {
      int node = graph.producer(source);
      if (node >= 0) {
        bypassed.add(node); // a Constant node
      }
    }
    Set<Integer> dropped = new HashSet<>();
    for (int node : new TreeSet<>(bypassed).descendingSet()) {
      if (uses.getOrDefault(graph.node(node).getOutput(0), 0) == 0) {
        dropped.add(node);
        graph.node(node).getInputList().forEach(input -> uses.merge(input, -1, Integer::sum));
      }
    }
    return dropped;
  }

  private boolean isDropped(String initializer, Map<String, Integer> uses) {
    return replacedSources.contains(initializer) && uses.getOrDefault(initializer, 0) == 0;
  }

  private Set<String> takenNames(Map<String, Integer> uses, Set<Integer> dropped) {
    Set<String> taken = new HashSet<>();
    for (int index = 0; index < nodes.length; index++) {
      if (!dropped.contains(index)) {
        taken.addAll(graph.node(index).getOutputList());
      }
    }
    original.getInputList().forEach(input -> taken.add(input.getName()));
    original.getInitializerList().forEach(initializer -> taken.add(initializer.getName()));
    taken.removeIf(name -> isDropped(name, uses));
    return taken;
  }

  /** A Constant node's tensor as an initializer, if its contents stayed in the file. */
  private @Nullable TensorProto largeConstant(NodeProto.Builder node) {
    StoredTensor constant =
        node.getOpType().equals("Constant") ? graph.constant(node.getOutput(0)) : null;
    return constant == null || constant.message() != null
        ? null
        : inFile(TensorProto.newBuilder().setName(node.getOutput(0)), constant);
  }

  /** An initializer: large contents where they were, small ones inside, where ORT needs shapes. */
  private TensorProto reference(TensorProto initializer) {
    StoredTensor constant = graph.constant(initializer.getName());
    if (constant == null || constant.message() != null) {
      return initializer;
    }
    boolean external = initializer.getDataLocation() == DataLocation.EXTERNAL;
    if (external && constant.dtype() != null && constant.length() <= OnnxModelFile.INLINE_BYTES) {
      return inline(initializer.getName(), constant.read());
    }
    return inFile(initializer.toBuilder().clearExternalData(), constant);
  }

  private TensorProto inFile(TensorProto.Builder tensor, StoredTensor constant) {
    return external(
        tensor,
        constant.dataType(),
        constant.dims(),
        files.location(constant.file()),
        constant.offset(),
        constant.length());
  }

  private static TensorProto inline(String name, Tensor tensor) {
    TensorProto.Builder proto =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(StoredTensor.dataType(tensor.dtype()))
            .setRawData(ByteString.copyFrom(tensor.buffer()));
    for (long extent : tensor.shape()) {
      proto.addDims(extent);
    }
    return proto.build();
  }

  /** A changed parameter: its type and shape. ORT wants the file to exist, though not the bytes. */
  private TensorProto declaration(String name, Tensor tensor) {
    return external(
        TensorProto.newBuilder().setName(name),
        StoredTensor.dataType(tensor.dtype()),
        tensor.shape(),
        files.location(graph.path()),
        UNREADABLE_OFFSET,
        tensor.byteSize());
  }

  private static TensorProto external(
      TensorProto.Builder tensor,
      int dataType,
      long[] dims,
      String location,
      long offset,
      long length) {
    tensor.setDataType(dataType).clearDims().setDataLocation(DataLocation.EXTERNAL);
    for (long extent : dims) {
      tensor.addDims(extent);
    }
    return tensor
        .addExternalData(entry("location", location))
        .addExternalData(entry("offset", Long.toString(offset)))
        .addExternalData(entry("length", Long.toString(length)))
        .build();
  }

  private static StringStringEntryProto.Builder entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value);
  }
}
