package io.github.lcm4j.onnx.export;

import io.github.lcm4j.tensor.Tensor;

/**
 * A place where a node takes a parameter from a constant.
 *
 * @param node index of the node
 * @param input index of the node's input
 * @param path the way from the constant
 * @param transposed whether the node takes torch's matrix transposed, as MatMul does
 * @param torchShape the parameter's shape in torch
 */
record WeightSite(int node, int input, ConstantPath path, boolean transposed, long[] torchShape) {

  /** The constant. */
  StoredTensor source() {
    return path.source();
  }

  /** Whether the constant itself is torch's matrix transposed. */
  boolean storedTransposed() {
    return transposed != path.state().transposed();
  }

  /** The parameter in torch's layout and the constant's type: a view unless it is transposed. */
  Tensor read() {
    Tensor stored = source().read();
    if (!storedTransposed()) {
      return stored.reshape(torchShape);
    }
    return Transposition.transpose(stored.reshape(torchShape[1], torchShape[0]));
  }
}
