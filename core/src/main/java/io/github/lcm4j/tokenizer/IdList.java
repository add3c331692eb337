package io.github.lcm4j.tokenizer;

import java.util.Arrays;

/** A growing array of token ids. */
final class IdList {
  private int[] ids = new int[96];
  private int size;

  void add(int id) {
    if (size == ids.length) {
      ids = Arrays.copyOf(ids, 2 * size);
    }
    ids[size++] = id;
  }

  int[] toArray() {
    return Arrays.copyOf(ids, size);
  }
}
