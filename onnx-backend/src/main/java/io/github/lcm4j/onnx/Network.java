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
   * @throws io.github.lcm4j.InferenceException if ONNX Runtime fails
   */
  void run(Map<String, Tensor> inputs, Map<String, Tensor> outputs);

  /**
   * Runs the network and, if it is large, lets go of the memory that only runs need; the next one
   * takes it anew.
   *
   * @see #run
   */
  void runLast(Map<String, Tensor> inputs, Map<String, Tensor> outputs);

  /** One more user. */
  Network retain();

  /** One user less; the last one frees what the network holds. */
  void release();
}
