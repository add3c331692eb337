package io.github.lcm4j.onnx.export;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataLocation;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** Rewrites a golden export as other exporters and tools would have written it. */
final class ModelEditor {
  private final GraphProto.Builder graph;
  private final ModelProto.Builder model;

  ModelEditor(Path file) throws IOException {
    model = ModelProto.parseFrom(Files.readAllBytes(file)).toBuilder();
    graph = model.getGraph().toBuilder();
    for (TensorProto.Builder initializer : graph.getInitializerBuilderList()) {
      if (initializer.getDataLocation() == DataLocation.EXTERNAL) {
        load(initializer, file.getParent());
      }
    }
  }

  private static void load(TensorProto.Builder tensor, Path folder) throws IOException {
    Map<String, String> entries = new HashMap<>();
    for (StringStringEntryProto entry : tensor.getExternalDataList()) {
      entries.put(entry.getKey(), entry.getValue());
    }
    byte[] bytes = Files.readAllBytes(folder.resolve(entries.get("location")));
    tensor
        .setRawData(
            ByteString.copyFrom(
                bytes,
                Integer.parseInt(entries.get("offset")),
                Integer.parseInt(entries.get("length"))))
        .clearExternalData()
        .clearDataLocation();
  }

  Path write(Path file) throws IOException {
    return Files.write(file, model.setGraph(graph).build().toByteArray());
  }

  /** Nodes lose names, scopes and all that an exporter told about them. */
  ModelEditor withoutNodeNames() {
    graph.getNodeBuilderList().forEach(node -> node.clearName().clearMetadataProps());
    Set<String> kept = new HashSet<>();
    graph.getOutputList().forEach(output -> kept.add(output.getName()));
    Map<String, String> names = new HashMap<>();
    for (NodeProto.Builder node : graph.getNodeBuilderList()) {
      for (int i = 0; i < node.getOutputCount(); i++) {
        String name = node.getOutput(i);
        if (!name.isEmpty() && !kept.contains(name)) {
          names.put(name, "v" + names.size());
          node.setOutput(i, names.get(name));
        }
      }
    }
    graph.clearValueInfo();
    return renameInputs(name -> names.getOrDefault(name, name));
  }

  /** Initializers are called by numbers. */
  ModelEditor withoutParameterNames() {
    Map<String, String> names = new HashMap<>();
    for (TensorProto.Builder initializer : graph.getInitializerBuilderList()) {
      names.put(initializer.getName(), "onnx::MatMul_" + (9000 + names.size()));
      initializer.setName(names.get(initializer.getName()));
    }
    return renameInputs(name -> names.getOrDefault(name, name));
  }

  /** The graph's inputs and outputs are called by numbers. */
  ModelEditor withoutPortNames() {
    Map<String, String> names = new HashMap<>();
    for (List<ValueInfoProto.Builder> ports :
        List.of(graph.getInputBuilderList(), graph.getOutputBuilderList())) {
      for (ValueInfoProto.Builder port : ports) {
        names.put(port.getName(), "port." + names.size());
        port.setName(names.get(port.getName()));
      }
    }
    for (NodeProto.Builder node : graph.getNodeBuilderList()) {
      for (int i = 0; i < node.getOutputCount(); i++) {
        node.setOutput(i, names.getOrDefault(node.getOutput(i), node.getOutput(i)));
      }
    }
    return renameInputs(name -> names.getOrDefault(name, name));
  }

  private ModelEditor renameInputs(UnaryOperator<String> names) {
    for (NodeProto.Builder node : graph.getNodeBuilderList()) {
      for (int i = 0; i < node.getInputCount(); i++) {
        node.setInput(i, names.apply(node.getInput(i)));
      }
    }
    return this;
  }

  /** Nodes stand in another order in which each still follows those it depends on. */
  ModelEditor shuffled(long seed) {
    Random random = new Random(seed);
    List<NodeProto> waiting = new ArrayList<>(graph.getNodeList());
    Set<String> known = new HashSet<>(Set.of(""));
    graph.getInputList().forEach(input -> known.add(input.getName()));
    graph.getInitializerList().forEach(initializer -> known.add(initializer.getName()));
    graph.clearNode();
    while (!waiting.isEmpty()) {
      Collections.shuffle(waiting, random);
      List<NodeProto> ready =
          waiting.stream().filter(node -> known.containsAll(node.getInputList())).toList();
      if (ready.isEmpty()) {
        throw new IllegalStateException("the graph is not in order");
      }
      for (NodeProto node : ready) {
        graph.addNode(node);
        known.addAll(node.getOutputList());
      }
      waiting.removeAll(ready);
    }
    return this;
  }

  /** Initializers become Constant nodes. */
  ModelEditor withConstantNodes() {
    List<NodeProto> nodes = new ArrayList<>();
    for (TensorProto initializer : graph.getInitializerList()) {
      nodes.add(
          NodeProto.newBuilder()
              .setOpType("Constant")
              .addOutput(initializer.getName())
              .addAttribute(
                  AttributeProto.newBuilder()
                      .setName("value")
                      .setType(AttributeProto.AttributeType.TENSOR)
                      .setT(initializer))
              .build());
    }
    nodes.addAll(graph.getNodeList());
    graph.clearInitializer().clearNode().addAllNode(nodes);
    return this;
  }

  /** Elements are written as protobuf numbers, as {@code onnx.helper.make_tensor} does. */
  ModelEditor withTypedData() {
    for (TensorProto.Builder initializer : graph.getInitializerBuilderList()) {
      ByteBuffer raw =
          initializer.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
      while (raw.hasRemaining()) {
        switch (initializer.getDataType()) {
          case DataType.FLOAT_VALUE -> initializer.addFloatData(raw.getFloat());
          case DataType.FLOAT16_VALUE -> initializer.addInt32Data(raw.getShort() & 0xffff);
          case DataType.INT64_VALUE -> initializer.addInt64Data(raw.getLong());
          default -> throw new IllegalStateException(initializer.getName());
        }
      }
      initializer.clearRawData();
    }
    return this;
  }

  /** Initializers are listed as inputs too, as before IR version 4. */
  ModelEditor withInitializersAsInputs() {
    model.setIrVersion(3);
    for (TensorProto initializer : graph.getInitializerList()) {
      ValueInfoProto.Builder input = graph.addInputBuilder().setName(initializer.getName());
      input.getTypeBuilder().getTensorTypeBuilder().setElemType(initializer.getDataType());
      for (long extent : initializer.getDimsList()) {
        input
            .getTypeBuilder()
            .getTensorTypeBuilder()
            .getShapeBuilder()
            .addDimBuilder()
            .setDimValue(extent);
      }
    }
    return this;
  }

  /** Sets the elements of initializers to zero. */
  ModelEditor zeroed(Predicate<String> condition) {
    for (TensorProto.Builder initializer : graph.getInitializerBuilderList()) {
      if (condition.test(initializer.getName())) {
        initializer.setRawData(ByteString.copyFrom(new byte[initializer.getRawData().size()]));
      }
    }
    return this;
  }

  /** Initializers with equal contents become one. */
  ModelEditor deduplicated() {
    Map<List<Object>, String> first = new HashMap<>();
    Map<String, String> names = new HashMap<>();
    List<TensorProto> kept = new ArrayList<>();
    for (TensorProto initializer : graph.getInitializerList()) {
      String other =
          first.putIfAbsent(
              List.of(
                  initializer.getDataType(), initializer.getDimsList(), initializer.getRawData()),
              initializer.getName());
      if (other == null) {
        kept.add(initializer);
      } else {
        names.put(initializer.getName(), other);
      }
    }
    if (names.isEmpty()) {
      throw new IllegalStateException("nothing to deduplicate");
    }
    graph.clearInitializer().addAllInitializer(kept);
    return renameInputs(name -> names.getOrDefault(name, name));
  }

  /** Replaces nodes; a function that returns an empty list drops the node. */
  ModelEditor replaceNodes(Function<NodeProto, List<NodeProto>> replacement) {
    List<NodeProto> nodes = new ArrayList<>(graph.getNodeList());
    graph.clearNode();
    nodes.forEach(node -> graph.addAllNode(replacement.apply(node)));
    return this;
  }

  ModelEditor addInitializer(TensorProto initializer) {
    graph.addInitializer(initializer);
    return this;
  }
}
