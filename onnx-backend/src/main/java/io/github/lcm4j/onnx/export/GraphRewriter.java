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
import io.github.lcm4j.safetensors.TensorEntry;
import io.github.lcm4j.safetensors.TensorInfo;
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
 * Gives parameters other contents, either for a session or to be written to files.
 *
 * <p>For a session each gets an initializer of its own, as near to where it is used as can be, and
 * everything else that is large becomes a reference to the export's files. For files contents
 * change where they are stored, in their type, and the graph stays as it is; only a parameter that
 * shares its constant with another gets its own. Everything large is then to be written anew.
 */
final class GraphRewriter {
  /** Initializers outside the graph's inputs, and so constant, exist from this IR version on. */
  private static final int CONSTANT_INITIALIZERS_IR_VERSION = 4;

  /** Beyond the end of any file: what lies there cannot be read by mistake. */
  private static final long UNREADABLE_OFFSET = 1L << 40;

  /** Begins the names of new initializers until it is known which names are free. */
  private static final String PLACEHOLDER = "lcm4j:";

  private final OnnxGraph graph;
  private final Purpose purpose;
  private final GraphProto original;
  private final NodeProto.Builder[] nodes;
  private final Map<Integer, List<NodeProto>> inserted = new HashMap<>();
  private final Map<String, Replacement> replacements = new LinkedHashMap<>();
  private final Map<String, Replacement> inPlace = new HashMap<>();
  private final Map<String, Replacement> handedOver = new LinkedHashMap<>();
  private final Map<String, TensorEntry> detached = new LinkedHashMap<>();
  private final Set<Integer> bypassed = new TreeSet<>();
  private final Set<String> replacedSources = new HashSet<>();
  private final ReferencedFiles files;
  private final Map<String, Integer> originalUses;

  /** What the rewritten graph is for. */
  enum Purpose {
    SESSION,
    FILES
  }

  /** A parameter's new value, in torch's layout and any floating-point type. */
  interface Value {
    Tensor get() throws IOException;
  }

  /**
   * New contents of a parameter in one layout.
   *
   * @param shape their shape in the graph
   * @param inline whether they go into the model: small ones, and those that nodes still move on
   *     their way, which ORT folds before it looks at what a session is handed
   */
  private record Replacement(
      String parameter,
      DType dtype,
      long[] shape,
      boolean transposed,
      boolean inline,
      Value value) {
    Tensor tensor() throws IOException {
      Tensor cast = value.get().cast(dtype);
      return (transposed ? Transposition.transpose(cast) : cast).reshape(shape);
    }

    TensorEntry entry(String name) {
      return TensorEntry.lazy(name, dtype, shape, this::tensor);
    }
  }

  GraphRewriter(OnnxGraph graph, Purpose purpose) throws IOException {
    this.graph = graph;
    this.purpose = purpose;
    this.files = ReferencedFiles.of(graph.file());
    this.original = graph.file().model().getGraph();
    this.nodes = new NodeProto.Builder[graph.nodeCount()];
    for (int node = 0; node < nodes.length; node++) {
      nodes[node] = graph.node(node).toBuilder();
    }
    this.originalUses = countUses();
  }

  /** Replaces a parameter wherever it is taken. */
  void replace(String parameter, List<WeightSite> sites, Value value) throws CheckpointException {
    for (WeightSite site : sites) {
      ConstantPath path = site.path();
      int end = purpose == Purpose.FILES ? 0 : path.replaceable();
      ConstantPath.State state = path.states().get(end);
      DType dtype = StoredTensor.dtype(state.dataType());
      if (dtype == null || !dtype.isFloating()) {
        throw new CheckpointException(
            "%s: %s is cast to ONNX type %d, which lcm4j cannot write"
                .formatted(graph.path(), parameter, state.dataType()));
      }
      boolean transposed = site.storedTransposed() != state.transposed();
      long[] shape = shape(state);
      boolean small =
          StoredTensor.elementCount(shape) * dtype.byteSize() <= OnnxModelFile.INLINE_BYTES;
      boolean moved = purpose == Purpose.SESSION && end < path.nodes().size();
      Replacement replacement =
          new Replacement(parameter, dtype, shape, transposed, small || moved, value);
      if (purpose == Purpose.FILES && isSoleUser(site.source().name(), sites)) {
        inPlace.put(site.source().name(), replacement);
        continue;
      }
      String placeholder = PLACEHOLDER + parameter + dtype + transposed + Arrays.toString(shape);
      replacements.merge(placeholder, replacement, (one, other) -> one.inline() ? one : other);
      connect(site, end, placeholder);
    }
  }

  /** Whether a constant goes nowhere but to these places, and the same way up to all of them. */
  private boolean isSoleUser(String source, List<WeightSite> sites) {
    Set<OnnxGraph.Use> own = new HashSet<>();
    Set<Integer> movers = new HashSet<>();
    Set<Boolean> layouts = new HashSet<>();
    for (WeightSite site : sites) {
      if (site.source().name().equals(source)) {
        own.add(new OnnxGraph.Use(site.node(), site.input()));
        movers.addAll(site.path().nodes());
        layouts.add(site.storedTransposed());
      }
    }
    return layouts.size() == 1 && goesOnlyTo(source, own, movers);
  }

  private boolean goesOnlyTo(String value, Set<OnnxGraph.Use> own, Set<Integer> movers) {
    // Uses within the graphs of attributes, and as an output of this one, are of no site.
    if (originalUses.getOrDefault(value, 0) != graph.uses(value).size()) {
      return false;
    }
    for (OnnxGraph.Use use : graph.uses(value)) {
      boolean passes = movers.contains(use.node()) && use.input() == 0;
      if (!own.contains(use)
          && !(passes && goesOnlyTo(graph.node(use.node()).getOutput(0), own, movers))) {
        return false;
      }
    }
    return true;
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

  /** The graph as rewritten so far, for a session. */
  OverriddenGraph override() throws IOException {
    byte[] model = finish().toByteArray();
    Map<String, Tensor> initializers = new LinkedHashMap<>();
    for (Map.Entry<String, Replacement> entry : handedOver.entrySet()) {
      initializers.put(entry.getKey(), entry.getValue().tensor());
    }
    return new OverriddenGraph(model, initializers, files.folder());
  }

  /** The graph as rewritten so far, for files. */
  DetachedGraph detach() throws IOException {
    ModelProto model = finish();
    return new DetachedGraph(model, detached);
  }

  private ModelProto finish() throws IOException {
    Map<String, Integer> uses = countUses();
    Set<Integer> dropped = dropBypassed(uses);
    Set<String> taken = takenNames(uses, dropped);
    Map<String, String> names = new HashMap<>();
    GraphProto.Builder result =
        original.toBuilder().clearNode().clearInitializer().clearInput().clearValueInfo();
    for (Map.Entry<String, Replacement> entry : replacements.entrySet()) {
      Replacement replacement = entry.getValue();
      String name = replacement.parameter();
      for (int count = 1; !taken.add(name); count++) {
        name = replacement.parameter() + "_" + count;
      }
      names.put(entry.getKey(), name);
      result.addInitializer(changed(name, replacement));
    }
    addNodes(result, dropped, names);
    for (TensorProto initializer : original.getInitializerList()) {
      Replacement replacement = inPlace.get(initializer.getName());
      if (replacement != null) {
        result.addInitializer(changed(initializer.getName(), replacement));
      } else if (!isDropped(initializer.getName(), uses)) {
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
    return model.toBuilder()
        .setIrVersion(Math.max(model.getIrVersion(), CONSTANT_INITIALIZERS_IR_VERSION))
        .setGraph(result)
        .build();
  }

  private TensorProto changed(String name, Replacement replacement) throws IOException {
    if (replacement.inline()) {
      return inline(name, replacement.tensor());
    }
    TensorProto.Builder tensor = TensorProto.newBuilder().setName(name);
    int dataType = StoredTensor.dataType(replacement.dtype());
    if (purpose == Purpose.FILES) {
      detached.put(name, replacement.entry(name));
      return external(tensor, dataType, replacement.shape());
    }
    handedOver.put(name, replacement);
    // ORT wants the file to exist, though not the bytes.
    return external(
        tensor,
        dataType,
        replacement.shape(),
        files.location(graph.path()),
        UNREADABLE_OFFSET,
        StoredTensor.elementCount(replacement.shape()) * replacement.dtype().byteSize());
  }

  private void addNodes(GraphProto.Builder result, Set<Integer> dropped, Map<String, String> names)
      throws IOException {
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

  /** A Constant node's tensor as an initializer, if its contents stayed in the file or changed. */
  private @Nullable TensorProto largeConstant(NodeProto.Builder node) throws IOException {
    if (!node.getOpType().equals("Constant")) {
      return null;
    }
    String name = node.getOutput(0);
    Replacement replacement = inPlace.get(name);
    if (replacement != null) {
      return changed(name, replacement);
    }
    StoredTensor constant = graph.constant(name);
    return constant == null || constant.message() != null
        ? null
        : inFile(TensorProto.newBuilder().setName(name), constant);
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
    if (purpose == Purpose.FILES) {
      // As bytes, whatever their type: they are copied as they are.
      TensorInfo bytes =
          new TensorInfo(
              constant.name(),
              "U8",
              new long[] {constant.length()},
              constant.file(),
              constant.offset(),
              constant.length());
      detached.put(constant.name(), TensorEntry.copy(bytes));
      return external(tensor, constant.dataType(), constant.dims());
    }
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

  private static TensorProto external(TensorProto.Builder tensor, int dataType, long[] dims) {
    tensor.setDataType(dataType).clearDims().setDataLocation(DataLocation.EXTERNAL);
    for (long extent : dims) {
      tensor.addDims(extent);
    }
    return tensor.build();
  }

  private static TensorProto external(
      TensorProto.Builder tensor,
      int dataType,
      long[] dims,
      String location,
      long offset,
      long length) {
    return external(tensor, dataType, dims).toBuilder()
        .addExternalData(entry("location", location))
        .addExternalData(entry("offset", Long.toString(offset)))
        .addExternalData(entry("length", Long.toString(length)))
        .build();
  }

  private static StringStringEntryProto.Builder entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value);
  }
}
