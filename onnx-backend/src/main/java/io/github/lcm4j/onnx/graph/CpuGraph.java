package io.github.lcm4j.onnx.graph;

/** What a graph looks like that ONNX Runtime's CPU kernels run fastest. */
public final class CpuGraph {
  private CpuGraph() {}

  /**
   * Where minimal filtering pays.
   *
   * @param minChannels fewest channels, in and out, of a convolution; with fewer the transforms
   *     take longer than the products
   * @param f4Side side of the pictures from which large tiles are used: their filters are four
   *     times as large as the weights, those of small tiles 1.8 times
   */
  public record Limits(long minChannels, int f4Side) {
    /** For networks that run at every step. */
    public static final Limits EVERY_STEP = new Limits(96, 48);

    /** For networks that run once, which have less time to make up for loading. */
    public static final Limits ONCE = new Limits(96, 96);
  }

  /**
   * Rewrites a network for the CPU. It computes the same function; the weights and values that the
   * rest of the program knows by name keep their names, but for filters that are transformed.
   *
   * @param network a graph without weights
   * @param side height and width that its first input of four axes usually has; 0 if there is none
   * @param limits where minimal filtering pays
   * @return the same network in other nodes
   */
  public static NetworkGraph rewrite(NetworkGraph network, int side, Limits limits) {
    return LayerNormRewriter.rewrite(WinogradRewriter.rewrite(network, side, limits));
  }
}
