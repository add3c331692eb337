package io.github.lcm4j.onnx;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataLocation;
import com.google.protobuf.ByteString;
import io.github.lcm4j.lora.DeferredMerge;
import io.github.lcm4j.onnx.export.DetachedGraph;
import io.github.lcm4j.onnx.graph.NetworkGraph;
import io.github.lcm4j.safetensors.TensorEntry;
import io.github.lcm4j.safetensors.TensorInfo;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Declares the weights of an emitted network for files, in the types the checkpoint has. */
final class EmittedWeights {
  /** Up to this size a weight lies inside the model, as PyTorch's exporters leave it. */
  private static final int INLINE_BYTES = 1024;

  private EmittedWeights() {}

  /**
   * Adds the declarations to a graph.
   *
   * @param component the part of the checkpoint the weights are in
   * @param graph the network without its weights
   * @param base the checkpoint's tensors
   * @param merge what LoRAs change of them
   * @throws IOException if a weight is not floating-point, or a small one cannot be had
   */
  static DetachedGraph detach(
      String component, NetworkGraph graph, WeightSource base, DeferredMerge merge)
      throws IOException {
    Map<String, TensorEntry> entries = new LinkedHashMap<>();
    List<NodeProto> casts = new ArrayList<>();
    List<TensorProto> declarations = new ArrayList<>();
    for (Map.Entry<String, long[]> weight : graph.weights().entrySet()) {
      String name = weight.getKey();
      TensorInfo info = base.info(name);
      DType dtype = NetworkWeights.requireFloating(info);
      boolean changed = merge.touched(component).contains(name);
      boolean half = dtype != DType.FLOAT32;
      String stored = half ? NetworkWeights.storedName(name) : name;
      if (half) {
        casts.add(NetworkWeights.cast(name, DType.FLOAT32));
      }
      TensorProto.Builder declaration =
          TensorProto.newBuilder().setName(stored).setDataType(NetworkWeights.number(dtype));
      for (long extent : weight.getValue()) {
        declaration.addDims(extent);
      }
      if (info.byteSize() <= INLINE_BYTES) {
        Tensor tensor = changed ? merge.fold(component, name) : base.tensor(name);
        declaration.setRawData(ByteString.copyFrom(tensor.buffer()));
      } else {
        declaration.setDataLocation(DataLocation.EXTERNAL);
        entries.put(
            stored,
            changed
                ? TensorEntry.lazy(stored, dtype, info.shape(), () -> merge.fold(component, name))
                : TensorEntry.copy(info));
      }
      declarations.add(declaration.build());
    }
    GraphProto.Builder proto = graph.model().getGraph().toBuilder();
    List<NodeProto> nodes = proto.getNodeList();
    proto.clearNode().addAllNode(casts).addAllNode(nodes).addAllInitializer(declarations);
    return new DetachedGraph(graph.model().toBuilder().setGraph(proto).build(), entries);
  }
}
