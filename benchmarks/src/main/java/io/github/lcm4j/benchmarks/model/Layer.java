package io.github.lcm4j.benchmarks.model;

/**
 * A module that has weights.
 *
 * @param path module path as diffusers and transformers name it
 * @param kind what it computes
 * @param out outputs; for an embedding the number of its entries
 * @param in inputs; for an embedding the width of an entry; for a norm equal to {@code out}
 * @param kernel side of a convolution's kernel, else 1
 * @param bias whether it has a bias
 * @param site where it is evaluated
 */
record Layer(String path, Kind kind, int out, int in, int kernel, boolean bias, Site site) {
  /** What a layer computes. */
  enum Kind {
    LINEAR,
    CONVOLUTION,
    NORM,
    EMBEDDING
  }

  static Layer linear(String path, int out, int in, boolean bias, Site site) {
    return new Layer(path, Kind.LINEAR, out, in, 1, bias, site);
  }

  static Layer convolution(String path, int out, int in, int kernel, Site site) {
    return new Layer(path, Kind.CONVOLUTION, out, in, kernel, true, site);
  }

  static Layer norm(String path, int width, Site site) {
    return new Layer(path, Kind.NORM, width, width, 1, true, site);
  }

  static Layer embedding(String path, int entries, int width, Site site) {
    return new Layer(path, Kind.EMBEDDING, entries, width, 1, false, site);
  }

  long[] weightShape() {
    return switch (kind) {
      case LINEAR, EMBEDDING -> new long[] {out, in};
      case CONVOLUTION -> new long[] {out, in, kernel, kernel};
      case NORM -> new long[] {out};
    };
  }

  /** Inputs that one output sums over. */
  long fanIn() {
    return kind == Kind.NORM ? 1 : (long) in * kernel * kernel;
  }

  long parameters() {
    return out * fanIn() + (bias ? out : 0);
  }

  boolean isMatrixProduct() {
    return kind == Kind.LINEAR || kind == Kind.CONVOLUTION;
  }

  /** Multiplications and additions of its matrix product for one row of the batch. */
  long flops(Extent extent) {
    return isMatrixProduct() ? 2 * out * fanIn() * site.positions(extent) : 0;
  }
}
