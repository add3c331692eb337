package io.github.lcm4j.onnx;

import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.onnx.export.Port;
import io.github.lcm4j.onnx.export.UnetPorts;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** An exported UNet. */
final class ExportedUnet implements Unet {
  private final Network network;
  private final UnetPorts ports;
  private final int inChannels;
  private final int outChannels;

  ExportedUnet(Network network, UnetPorts ports, Component component) {
    this.network = network;
    this.ports = ports;
    this.inChannels = extent(ports.sample(), component.intOr("in_channels", 4));
    this.outChannels = extent(ports.output(), component.intOr("out_channels", 4));
  }

  private static int extent(Port port, int otherwise) {
    Port.Axis axis = port.axes().get(1);
    return axis.isFixed() ? (int) axis.extent() : otherwise;
  }

  @Override
  public int inChannels() {
    return inChannels;
  }

  @Override
  public int timeCondProjDim() {
    @Nullable Port cond = ports.timestepCond();
    return cond == null ? 0 : extent(cond, 256);
  }

  @Override
  public boolean usesTextTime() {
    return ports.textEmbeds() != null;
  }

  @Override
  public Tensor predict(Input input) {
    if (input.residuals() != null) {
      throw new UnsupportedOperationException("this UNet was exported without ControlNet inputs");
    }
    long[] shape = input.sample().shape();
    shape[1] = outChannels;
    return new PortRun(network)
        .input(ports.sample(), input.sample())
        .input(ports.timestep(), timestep(input.timestep(), input.sample().dimension(0)))
        .input(ports.encoderHiddenStates(), input.encoderHiddenStates())
        .input(ports.timestepCond(), input.timestepCond())
        .input(ports.textEmbeds(), input.textEmbeds())
        .input(ports.timeIds(), input.timeIds())
        .output(ports.output(), shape)
        .run(input.last());
  }

  /** A scalar, one number for all samples or one for each, whole or not: as the export wants. */
  private Tensor timestep(double timestep, long batch) {
    Port port = ports.timestep();
    long[] shape = {};
    if (port.rank() == 1) {
      Port.Axis axis = port.axes().get(0);
      boolean perSample =
          !axis.isFixed() && axis.symbol().equals(ports.sample().axes().get(0).symbol());
      shape = new long[] {axis.isFixed() ? axis.extent() : perSample ? batch : 1};
    }
    int count = shape.length == 0 ? 1 : (int) shape[0];
    if (port.dtype() == DType.INT64 || port.dtype() == DType.INT32) {
      long whole = Math.round(timestep);
      if (whole != timestep) {
        throw new IllegalArgumentException(
            "the ONNX export takes whole timesteps, the scheduler asks for %s; choose another scheduler"
                .formatted(timestep));
      }
      Tensor tensor = Tensor.allocate(port.dtype(), shape);
      for (int i = 0; i < count; i++) {
        if (port.dtype() == DType.INT64) {
          tensor.longs().put(i, whole);
        } else {
          tensor.ints().put(i, (int) whole);
        }
      }
      return tensor;
    }
    float[] values = new float[count];
    Arrays.fill(values, (float) timestep);
    return Tensor.of(values, shape);
  }
}
