package io.github.lcm4j.onnx;

import io.github.lcm4j.spi.Backend;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.ModelSpec;
import java.io.IOException;

/**
 * The backend on ONNX Runtime. It needs no export: graphs are written from a checkpoint's
 * configuration and tensor names, and the weights are read where they lie. An ONNX export serves as
 * well, and takes LoRAs too.
 */
public final class OnnxBackend implements Backend {
  /** A backend; it holds nothing. */
  public OnnxBackend() {}

  @Override
  public DiffusionModel load(ModelSpec spec) throws IOException {
    return OrtModel.load(spec);
  }
}
