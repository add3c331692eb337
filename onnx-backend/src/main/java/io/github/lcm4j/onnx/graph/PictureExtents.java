package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What is known of the heights and widths of a network's values before it runs. */
final class PictureExtents {
  /** Operators whose result has the extents of their first input that has any. */
  private static final Set<String> KEEPING =
      Set.of("Add", "Concat", "Div", "Gelu", "Identity", "Mul", "QuickGelu", "Relu", "Sub", "Tanh");

  /**
   * A value's extents.
   *
   * @param side how large they usually are; 0 for a value that does not stem from a picture
   * @param multiple a number that divides both, whatever the input's are
   * @param like a value of the same height and width, the same one for many values
   */
  record Extent(int side, int multiple, String like) {
    static final Extent NONE = new Extent(0, 1, "");
  }

  private final Map<String, Extent> extents = new HashMap<>();
  private final Map<String, NodeProto> wholeShapes = new HashMap<>();
  private final Set<String> upsampled = new HashSet<>();
  private final Map<String, TensorProto> constants;
  private final int inputSide;
  private final boolean onePicture;

  /**
   * Goes through a graph.
   *
   * @param graph its nodes in order
   * @param wiring the same graph's
   * @param side height and width its first input of four axes usually has
   */
  PictureExtents(GraphProto graph, Wiring wiring, int side) {
    this.constants = wiring.constants();
    this.inputSide = side;
    Optional<ValueInfoProto> picture = picture(graph);
    picture.ifPresent(input -> extents.put(input.getName(), new Extent(side, 1, input.getName())));
    this.onePicture =
        picture
            .map(input -> input.getType().getTensorType().getShape().getDim(0))
            .filter(batch -> batch.hasDimValue() && batch.getDimValue() == 1)
            .isPresent();
    for (NodeProto node : graph.getNodeList()) {
      Extent behind = behind(node, before(node));
      node.getOutputList().forEach(output -> extents.put(output, behind));
    }
  }

  /** The first input of four axes. */
  static Optional<ValueInfoProto> picture(GraphProto graph) {
    return graph.getInputList().stream()
        .filter(input -> input.getType().getTensorType().getShape().getDimCount() == 4)
        .findFirst();
  }

  /** Whether the first input of four axes is always a single picture. */
  boolean onePicture() {
    return onePicture;
  }

  /** How large the input usually is. */
  int inputSide() {
    return inputSide;
  }

  Extent of(String value) {
    return extents.getOrDefault(value, Extent.NONE);
  }

  /** What a Resize multiplies both extents by; 0 if it is to a given size. */
  int factor(NodeProto resize) {
    TensorProto scales = constants.get(resize.getInput(2));
    if (scales == null) {
      return 0;
    }
    FloatBuffer factors =
        scales.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    return (int) factors.get(2);
  }

  /** Of the first input that stems from a picture. */
  private Extent before(NodeProto node) {
    for (String input : node.getInputList()) {
      Extent extent = of(input);
      if (extent.side() > 0) {
        return extent;
      }
    }
    return Extent.NONE;
  }

  private Extent behind(NodeProto node, Extent before) {
    String output = node.getOutput(0);
    if (KEEPING.contains(node.getOpType()) || before.side() == 0) {
      return before;
    }
    switch (node.getOpType()) {
      case "Shape" -> {
        if (node.getAttributeCount() == 0) {
          wholeShapes.put(output, node);
        }
      }
      case "Reshape" -> {
        NodeProto shape = wholeShapes.get(node.getInput(1));
        if (shape != null) {
          return of(shape.getInput(0));
        }
      }
      case "Resize" -> {
        int factor = factor(node);
        upsampled.add(output);
        return factor > 0
            ? new Extent(factor * before.side(), factor * before.multiple(), output)
            : new Extent(2 * before.side(), 1, output);
      }
      case "Conv" -> {
        long stride = NodeAttributes.ints(node, "strides", 1, 1)[0];
        if (sameSizePad(node) >= 0) {
          // The upsampled picture may be gone when its convolution is replaced.
          return upsampled.contains(node.getInput(0))
              ? new Extent(before.side(), before.multiple(), output)
              : before;
        }
        return new Extent((int) ((before.side() + stride - 1) / stride), 1, output);
      }
      default -> {}
    }
    return new Extent(before.side(), 1, output);
  }

  /** What an odd square convolution adds on all sides to keep the size; -1 for others. */
  static long sameSizePad(NodeProto convolution) {
    long[] kernel = NodeAttributes.ints(convolution, "kernel_shape", 1, 1);
    long pad = (kernel[0] - 1) / 2;
    boolean same =
        kernel[0] == kernel[1]
            && kernel[0] % 2 == 1
            && Arrays.equals(NodeAttributes.ints(convolution, "strides", 1, 1), new long[] {1, 1})
            && Arrays.equals(NodeAttributes.ints(convolution, "dilations", 1, 1), new long[] {1, 1})
            && Arrays.equals(
                NodeAttributes.ints(convolution, "pads", 0, 0, 0, 0),
                new long[] {pad, pad, pad, pad})
            && NodeAttributes.find(convolution, "group") == null;
    return same ? pad : -1;
  }

  /** The numbers of a constant list of int64. */
  static long[] longs(TensorProto constant) {
    LongBuffer values =
        constant.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN).asLongBuffer();
    long[] numbers = new long[values.remaining()];
    values.get(numbers);
    return numbers;
  }
}
