package io.github.lcm4j.onnx.export;

import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.github.lcm4j.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * An ONNX export of one network: what it takes and makes, and which of its constants is which
 * parameter of the network.
 *
 * <p>Only the graph is read into memory; weights stay in their files. Immutable and safe for use by
 * several threads.
 */
public final class OnnxExport {
  private final OnnxComponent component;
  private final OnnxGraph graph;
  private final List<Port> inputs;
  private final List<Port> outputs;

  private OnnxExport(OnnxComponent component, OnnxGraph graph) {
    this.component = component;
    this.graph = graph;
    List<Port> ports = new ArrayList<>();
    for (ValueInfoProto input : graph.file().model().getGraph().getInputList()) {
      if (graph.inputs().contains(input.getName())) {
        ports.add(Port.of(input));
      }
    }
    this.inputs = List.copyOf(ports);
    this.outputs = graph.file().model().getGraph().getOutputList().stream().map(Port::of).toList();
  }

  /**
   * Reads a graph.
   *
   * @param file a {@code model.onnx}; weights may lie inside or in files beside it
   * @param component which network it is
   * @throws CheckpointException if it is truncated, is not an ONNX model, or refers to data that is
   *     not there
   * @throws IOException if it cannot be read
   */
  public static OnnxExport open(Path file, OnnxComponent component) throws IOException {
    return new OnnxExport(component, new OnnxGraph(OnnxModelFile.read(file)));
  }

  /** The {@code .onnx} file. */
  public Path file() {
    return graph.path();
  }

  /** Which network it is. */
  public OnnxComponent component() {
    return component;
  }

  /** The inputs that must be fed, in the order of the graph. */
  public List<Port> inputs() {
    return inputs;
  }

  /** The outputs, in the order of the graph. */
  public List<Port> outputs() {
    return outputs;
  }

  /**
   * A UNet's inputs and outputs by what they mean.
   *
   * @throws CheckpointException if one is missing or cannot be fed
   */
  public UnetPorts unetPorts() throws CheckpointException {
    return UnetPorts.of(this);
  }

  /**
   * A text encoder's inputs and outputs by what they mean.
   *
   * @throws CheckpointException if one is missing or cannot be fed
   */
  public TextEncoderPorts textEncoderPorts() throws CheckpointException {
    return TextEncoderPorts.of(this);
  }

  /**
   * An autoencoder half's input and output.
   *
   * @throws CheckpointException if one is missing or cannot be fed
   */
  public VaePorts vaePorts() throws CheckpointException {
    return VaePorts.of(this);
  }

  /** Whether it computes in half precision and {@link #inFloat32} can change that. */
  public boolean isHalfPrecision() {
    return SinglePrecision.applies(graph);
  }

  /**
   * The same graph computing in float32, with float32 inputs and outputs.
   *
   * @throws IllegalStateException if it does not {@linkplain #isHalfPrecision compute in half
   *     precision}
   * @throws IOException if a file of the export is no longer there
   */
  public OverriddenGraph inFloat32() throws IOException {
    if (!isHalfPrecision()) {
      throw new IllegalStateException(file() + " does not compute in half precision");
    }
    return new SinglePrecision(graph).rewrite();
  }

  /**
   * The network's parameters, found by the names the exporter wrote or else by how the graph is
   * joined.
   *
   * @throws CheckpointException if weights were fused, quantised or changed before, or a module of
   *     a UNet or text encoder cannot be found; the message names the file and what was expected
   */
  public OnnxWeights weights() throws CheckpointException {
    return WeightIndexer.index(this, graph);
  }
}
