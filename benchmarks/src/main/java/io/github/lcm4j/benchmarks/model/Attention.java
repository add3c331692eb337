package io.github.lcm4j.benchmarks.model;

/**
 * Scaled dot-product attention between two places; it has no weights.
 *
 * @param width width of queries, keys and values over all heads
 * @param queries where the queries are
 * @param keys where keys and values are
 */
record Attention(int width, Site queries, Site keys) {
  /** Query times key, and score times value, for one row of the batch. */
  long flops(Extent extent) {
    return 4L * width * queries.positions(extent) * keys.positions(extent);
  }
}
