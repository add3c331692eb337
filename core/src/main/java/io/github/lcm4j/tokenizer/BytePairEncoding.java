package io.github.lcm4j.tokenizer;

import io.github.lcm4j.checkpoint.CheckpointException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/**
 * Byte pair encoding of single words: the word's UTF-8 bytes, the last one marked, are joined pair
 * by pair in the order in which the merges were learnt.
 */
final class BytePairEncoding {
  private static final String END_OF_WORD = "</w>";

  private record Merge(int rank, int id) {}

  private final int[] byteIds;
  private final int[] lastByteIds;
  private final Map<Long, Merge> merges;

  private BytePairEncoding(int[] byteIds, int[] lastByteIds, Map<Long, Merge> merges) {
    this.byteIds = byteIds;
    this.lastByteIds = lastByteIds;
    this.merges = merges;
  }

  static BytePairEncoding of(TokenizerFiles files) throws CheckpointException {
    Map<String, Integer> vocabulary = files.vocabulary();
    int[] byteIds = new int[256];
    int[] lastByteIds = new int[256];
    int shifted = 256;
    for (int b = 0; b < 256; b++) {
      // Bytes that are not printable characters of Latin-1 are written as those from U+0100 on.
      boolean printable = b >= '!' && b <= '~' || b >= 0xa1 && b != 0xad;
      String symbol = String.valueOf((char) (printable ? b : shifted++));
      byteIds[b] = byteId(files, b, symbol);
      lastByteIds[b] = byteId(files, b, symbol + END_OF_WORD);
    }
    Map<Long, Merge> merges = new HashMap<>(files.merges().size() * 2);
    int rank = 0;
    for (List<String> pair : files.merges()) {
      rank++;
      Integer left = vocabulary.get(pair.get(0));
      Integer right = vocabulary.get(pair.get(1));
      Integer whole = vocabulary.get(pair.get(0) + pair.get(1));
      if (left == null || right == null || whole == null) {
        throw new CheckpointException(
            "%s: merge %d joins '%s' and '%s', but these or '%s' are not in the vocabulary"
                .formatted(
                    files.mergesFile(), rank, pair.get(0), pair.get(1), pair.get(0) + pair.get(1)));
      }
      merges.put(key(left, right), new Merge(rank, whole));
    }
    return new BytePairEncoding(byteIds, lastByteIds, merges);
  }

  private static int byteId(TokenizerFiles files, int b, String symbol) throws CheckpointException {
    Integer id = files.vocabulary().get(symbol);
    if (id == null) {
      id = files.vocabulary().get(files.specialTokens().unkToken());
    }
    if (id == null) {
      throw new CheckpointException(
          "%s has neither '%s' for byte %d nor the unk_token '%s'"
              .formatted(files.vocabularyFile(), symbol, b, files.specialTokens().unkToken()));
    }
    return id;
  }

  /**
   * Appends a word's ids.
   *
   * @param word text without white space, not empty
   */
  void encode(String word, IdList into) {
    byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
    Symbols symbols = new Symbols(bytes.length);
    for (int i = 0; i < bytes.length; i++) {
      symbols.ids[i] = (i < bytes.length - 1 ? byteIds : lastByteIds)[bytes[i] & 0xff];
    }
    symbols.mergeAll();
    symbols.forEach(into);
  }

  /** The pair times an odd number, for Long's own hash would make left XOR right of the pair. */
  private static long key(int left, int right) {
    return ((long) left << 32 | right) * 0x9e3779b97f4a7c15L;
  }

  /**
   * A word's symbols as a linked list; a symbol that was joined to its left neighbour has id −1.
   */
  private final class Symbols {
    private final int[] ids;
    private final int[] previous;
    private final int[] next;

    /** Possible merges, the earliest learnt and then the leftmost first: rank, position. */
    private final PriorityQueue<Long> queue = new PriorityQueue<>();

    Symbols(int size) {
      ids = new int[size];
      previous = new int[size];
      next = new int[size];
      for (int i = 0; i < size; i++) {
        previous[i] = i - 1;
        next[i] = i + 1;
      }
    }

    void mergeAll() {
      for (int i = 0; i < ids.length; i++) {
        offer(i);
      }
      while (!queue.isEmpty()) {
        long candidate = queue.remove();
        int left = (int) candidate;
        Merge merge = mergeAt(left);
        // A candidate is stale if one of its symbols was merged otherwise meanwhile.
        if (merge != null && merge.rank() == (int) (candidate >>> 32)) {
          int right = next[left];
          ids[left] = merge.id();
          ids[right] = -1;
          next[left] = next[right];
          if (next[left] < ids.length) {
            previous[next[left]] = left;
          }
          offer(previous[left]);
          offer(left);
        }
      }
    }

    private void offer(int left) {
      Merge merge = mergeAt(left);
      if (merge != null) {
        queue.add((long) merge.rank() << 32 | left);
      }
    }

    private @Nullable Merge mergeAt(int left) {
      if (left < 0 || ids[left] < 0 || next[left] == ids.length) {
        return null;
      }
      return merges.get(key(ids[left], ids[next[left]]));
    }

    void forEach(IdList into) {
      for (int i = 0; i < ids.length; i = next[i]) {
        into.add(ids[i]);
      }
    }
  }
}
