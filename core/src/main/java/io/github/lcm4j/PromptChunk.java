package io.github.lcm4j;

import io.github.lcm4j.tokenizer.ClipTokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * As many tokens as a text encoder takes at once.
 *
 * @param ids start, tokens, end, padding
 * @param weights how much the token at each place counts
 */
record PromptChunk(long[] ids, float[] weights) {

  /** A prompt's chunks, at least one; without long prompts only the first. */
  static List<PromptChunk> of(
      List<PromptParser.Segment> segments, ClipTokenizer tokenizer, PromptOptions options) {
    Builder builder = new Builder(tokenizer);
    for (PromptParser.Segment segment : segments) {
      if (segment.startsChunk()) {
        builder.end();
      }
      for (int id : tokenizer.tokenize(segment.text())) {
        if (builder.isFull()) {
          if (!options.longPrompts()) {
            return builder.finish();
          }
          builder.end();
        }
        builder.add(id, (float) segment.weight());
      }
    }
    return builder.finish();
  }

  /** A chunk without tokens. */
  static PromptChunk empty(ClipTokenizer tokenizer) {
    return new Builder(tokenizer).chunk();
  }

  boolean isWeighted() {
    for (float weight : weights) {
      if (weight != 1) {
        return true;
      }
    }
    return false;
  }

  /** Chunks in the making. */
  private static final class Builder {
    private final ClipTokenizer tokenizer;
    private final List<PromptChunk> chunks = new ArrayList<>();
    private final long[] ids;
    private final float[] weights;
    private int count;

    Builder(ClipTokenizer tokenizer) {
      this.tokenizer = tokenizer;
      this.ids = new long[tokenizer.modelMaxLength()];
      this.weights = new float[ids.length];
    }

    boolean isFull() {
      return count == ids.length - 2;
    }

    void add(int id, float weight) {
      count++;
      ids[count] = id;
      weights[count] = weight;
    }

    void end() {
      chunks.add(chunk());
      count = 0;
    }

    List<PromptChunk> finish() {
      if (count > 0 || chunks.isEmpty()) {
        end();
      }
      return chunks;
    }

    PromptChunk chunk() {
      ids[0] = tokenizer.bosTokenId();
      ids[count + 1] = tokenizer.eosTokenId();
      Arrays.fill(ids, count + 2, ids.length, tokenizer.padTokenId());
      weights[0] = 1;
      Arrays.fill(weights, count + 1, weights.length, 1);
      return new PromptChunk(ids.clone(), weights.clone());
    }
  }
}
