package io.github.lcm4j.lora;

import java.io.IOException;
import java.nio.FloatBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A matrix written as a product of two thin ones, with or without a Tucker core between them.
 *
 * <p>Without: {@code M = A·B}. With a core {@code T [r, s, kh, kw]} (LyCORIS, Yeh et al. 2023,
 * arXiv:2309.14859, "Tucker decomposition"): {@code M[o, (i, k)] = Σᵣₛ A[o, r] · T[r, s, k] · B[s,
 * i]}. The core is first taken into the right factor, which leaves one product over all rows.
 *
 * @param a the left factor, {@code [rows, r]}, or its transpose
 * @param transposed whether {@code a} is stored as {@code [r, rows]}
 * @param core the Tucker core, or null
 * @param b the right factor {@code [r, columns]}, or {@code [s, in]} beside a core
 */
record LowRank(Factor a, boolean transposed, @Nullable Factor core, Factor b) {
  /** Both factors in float32: {@code [rows, rank]} and {@code [rank, columns]}. */
  record Loaded(FloatBuffer left, FloatBuffer right, int rank, int columns, boolean isZero) {
    /** {@code target += factor · rows [from, to)} of the product. */
    void addTo(FloatBuffer target, int from, int to, float factor, Workspace workspace) {
      workspace
          .product()
          .multiplyAdd(
              factor,
              left.slice(from * rank, (to - from) * rank),
              right,
              target,
              to - from,
              rank,
              columns);
    }
  }

  int rows() {
    return transposed ? a.columns() : a.rows();
  }

  /** The rank between left factor and core, or between the two factors. */
  int leftRank() {
    return transposed ? a.rows() : a.columns();
  }

  /** The rank a scale divides by: the rows of the right factor. */
  int rank() {
    return b.rows();
  }

  int columns() {
    return core == null ? b.columns() : b.columns() * coreArea();
  }

  private int coreArea() {
    return core == null ? 1 : core.columns() / (int) core.shape()[1];
  }

  /** Checks that the factors fit each other. */
  void checkRanks() throws LoraException {
    if (core == null) {
      if (leftRank() != rank()) {
        throw a.misshapen("rank %d as in %s".formatted(rank(), b));
      }
      return;
    }
    long[] shape = core.shape();
    if (shape.length < 3 || shape[0] != leftRank() || shape[1] != rank()) {
      throw core.misshapen(
          "a core [%d, %d, kh, kw] between %s and %s".formatted(leftRank(), rank(), a, b));
    }
  }

  Loaded load(Workspace workspace) throws IOException {
    Factor.Values left = a.load(workspace);
    Factor.Values right = b.load(workspace);
    boolean zero = left.isZero() || right.isZero();
    FloatBuffer leftFloats =
        transposed ? workspace.transpose(left.floats(), a.rows(), a.columns()) : left.floats();
    if (core == null) {
      return new Loaded(leftFloats, right.floats(), rank(), columns(), zero);
    }
    Factor.Values middle = core.load(workspace);
    return new Loaded(
        leftFloats,
        takeCoreIn(middle.floats(), right.floats(), workspace),
        leftRank(),
        columns(),
        zero || middle.isZero());
  }

  /** {@code [r, s, k]} and {@code [s, in]} to {@code [r, in, k]}. */
  private FloatBuffer takeCoreIn(FloatBuffer middle, FloatBuffer right, Workspace workspace) {
    int r = leftRank();
    int s = rank();
    int area = coreArea();
    int in = b.columns();
    // One product over s: [r, k, s] · [s, in] = [r, k, in].
    FloatBuffer sLast = workspace.floats(r * area * s);
    for (int i = 0; i < r; i++) {
      for (int j = 0; j < s; j++) {
        for (int k = 0; k < area; k++) {
          sLast.put((i * area + k) * s + j, middle.get((i * s + j) * area + k));
        }
      }
    }
    FloatBuffer inLast = workspace.zeros(r * area * in);
    workspace.product().multiplyAdd(1, sLast, right, inLast, r * area, s, in);
    FloatBuffer areaLast = workspace.floats(r * in * area);
    for (int i = 0; i < r; i++) {
      for (int k = 0; k < area; k++) {
        for (int j = 0; j < in; j++) {
          areaLast.put((i * in + j) * area + k, inLast.get((i * area + k) * in + j));
        }
      }
    }
    return areaLast;
  }
}
