package io.github.lcm4j.onnx;

import io.github.lcm4j.onnx.export.Port;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One run of an exported graph, in the types its ports ask for. */
final class PortRun {
  private final Network network;
  private final Map<String, Tensor> inputs = new HashMap<>();
  private final Map<String, Tensor> outputs = new LinkedHashMap<>();

  PortRun(Network network) {
    this.network = network;
  }

  /** Gives an input; nothing where the graph has no such port. */
  PortRun input(@Nullable Port port, @Nullable Tensor value) {
    if (port != null && value != null) {
      check(port, value.shape());
      DType type = type(port);
      inputs.put(
          port.name(), type.isFloating() && value.dtype().isFloating() ? value.cast(type) : value);
    }
    return this;
  }

  /** Asks for an output. */
  PortRun output(Port port, long... shape) {
    outputs.put(port.name(), Tensor.allocate(type(port), shape));
    return this;
  }

  /** Runs, and gives the first output in float32. */
  Tensor run() {
    return run(false);
  }

  /** The same, perhaps for the last time in a while. */
  Tensor run(boolean last) {
    network.run(inputs, outputs, last);
    return outputs.values().iterator().next().toFloat32();
  }

  /** An output after the run, in float32. */
  Tensor get(Port port) {
    Tensor output = outputs.get(port.name());
    if (output == null) {
      throw new IllegalArgumentException("output " + port.name() + " was not asked for");
    }
    return output.toFloat32();
  }

  private static DType type(Port port) {
    DType type = port.dtype();
    if (type == null) {
      throw new UnsupportedOperationException(
          "port %s is %s, which lcm4j does not compute with"
              .formatted(port.name(), port.typeName()));
    }
    return type;
  }

  /** A graph traced for one size must say so, not fail somewhere inside. */
  private static void check(Port port, long[] shape) {
    for (int i = 0; i < Math.min(shape.length, port.rank()); i++) {
      Port.Axis axis = port.axes().get(i);
      if (axis.isFixed() && axis.extent() != shape[i]) {
        throw new IllegalArgumentException(
            "the ONNX export takes %s, found the extent %d on axis %d; ask for the size and count it was exported for, or export it with dynamic axes"
                .formatted(port, shape[i], i));
      }
    }
  }
}
