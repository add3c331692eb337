package io.github.lcm4j.onnx.graph;

/** What a graph looks like that ONNX Runtime's CPU kernels run fastest. */
public final class CpuGraph {
  private CpuGraph() {}

  /**
   * Rewrites a network for the CPU. It computes the same function; the weights and values that the
   * rest of the program knows by name keep their names, but for filters that are transformed.
   *
   * @param network a graph without weights
   * @param side height and width that its first input of four axes usually has; 0 if there is none
   * @return the same network in other nodes
   */
  public static NetworkGraph rewrite(NetworkGraph network, int side) {
    return rewrite(network, side, WinogradRewriter.MIN_CHANNELS);
  }

  /**
   * Rewrites a network for the CPU, its smaller convolutions too.
   *
   * @param minChannels fewest channels of a convolution that is worth it
   */
  public static NetworkGraph rewrite(NetworkGraph network, int side, long minChannels) {
    return LayerNormRewriter.rewrite(WinogradRewriter.rewrite(network, side, minChannels));
  }
}
