package io.github.lcm4j.onnx;

import io.github.lcm4j.tensor.Tensor;
import java.util.Map;

/** Something that runs, shared by counting its users. */
interface Network {
  /**
   * Runs the network.
   *
   * @param inputs all inputs by name
   * @param outputs tensors to be filled, by output name
   * @param last whether no other run follows soon: then the memory that only runs need is let go,
   *     and the next one takes it anew
   * @throws io.github.lcm4j.InferenceException if ONNX Runtime fails
   */
  void run(Map<String, Tensor> inputs, Map<String, Tensor> outputs, boolean last);

  /** Runs the network and keeps its memory for the next run. */
  default void run(Map<String, Tensor> inputs, Map<String, Tensor> outputs) {
    run(inputs, outputs, false);
  }

  /** One more user. */
  Network retain();

  /** One user less; the last one frees what the network holds. */
  void release();
}
