package io.github.lcm4j.onnx;

import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.onnx.export.Port;
import io.github.lcm4j.onnx.export.TextEncoderPorts;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** An exported text encoder. */
final class ExportedTextEncoder implements TextEncoder {
  private final Network network;
  private final TextEncoderPorts ports;
  private final Component component;
  private final int hiddenSize;
  private final int layers;
  private final TokenIds tokenIds;

  ExportedTextEncoder(Network network, TextEncoderPorts ports, Component component)
      throws CheckpointException {
    this.network = network;
    this.ports = ports;
    this.component = component;
    this.hiddenSize = component.requireInt("hidden_size");
    this.layers = component.requireInt("num_hidden_layers");
    this.tokenIds =
        new TokenIds(
            component.name(),
            component.requireInt("vocab_size"),
            component.requireInt("max_position_embeddings"));
  }

  @Override
  public int layers() {
    return layers;
  }

  @Override
  public int hiddenSize() {
    return hiddenSize;
  }

  @Override
  public Encoding encode(Tensor inputIds, int layersFromEnd, boolean normalize) {
    tokenIds.check(inputIds);
    Port state = port(layersFromEnd, normalize);
    long batch = inputIds.dimension(0);
    long length = inputIds.dimension(1);
    PortRun run =
        new PortRun(network)
            .input(ports.inputIds(), ids(inputIds))
            .input(ports.attentionMask(), attendToAll(batch, length))
            .output(state, batch, length, hiddenSize);
    @Nullable Port embeds = ports.textEmbeds();
    if (embeds != null) {
      Port.Axis width = embeds.axes().get(1);
      run.output(
          embeds,
          batch,
          width.isFixed() ? width.extent() : component.intOr("projection_dim", hiddenSize));
    }
    Tensor hidden = run.run();
    return new Encoding(hidden, embeds == null ? null : run.get(embeds));
  }

  private Port port(int layersFromEnd, boolean normalize) {
    if (normalize && layersFromEnd == 0 && ports.lastHiddenState() != null) {
      return ports.lastHiddenState();
    }
    int index = ports.hiddenStates().size() - 1 - layersFromEnd;
    if (normalize || index < 0) {
      throw new IllegalArgumentException(
          "the export of %s has no output for the hidden state %d before the last%s"
              .formatted(
                  component.folder(), layersFromEnd, normalize ? " after the final norm" : ""));
    }
    return ports.hiddenStates().get(index);
  }

  private Tensor ids(Tensor inputIds) {
    if (ports.inputIds().dtype() != DType.INT32) {
      return inputIds;
    }
    Tensor narrow = Tensor.allocate(DType.INT32, inputIds.shape());
    for (int i = 0; i < inputIds.elementCount(); i++) {
      narrow.ints().put(i, (int) inputIds.longs().get(i));
    }
    return narrow;
  }

  private @Nullable Tensor attendToAll(long batch, long length) {
    @Nullable Port mask = ports.attentionMask();
    if (mask == null) {
      return null;
    }
    Tensor ones =
        Tensor.allocate(mask.dtype() == DType.INT32 ? DType.INT32 : DType.INT64, batch, length);
    for (int i = 0; i < ones.elementCount(); i++) {
      if (ones.dtype() == DType.INT32) {
        ones.ints().put(i, 1);
      } else {
        ones.longs().put(i, 1);
      }
    }
    return ones;
  }
}
