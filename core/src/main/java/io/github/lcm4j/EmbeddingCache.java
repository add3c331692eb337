package io.github.lcm4j;

import io.github.lcm4j.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What text encoders made of recent texts, most of all of the empty negative prompt. Holds for one
 * set of encoders. Safe for use by several threads; its tensors must not be written to.
 */
final class EmbeddingCache {
  /** About 5 MB for SD 1.5, 13 MB for SDXL. */
  static final int TEXTS = 20;

  /**
   * What embeddings depend on.
   *
   * @param chunks number of chunks the text is brought to
   */
  record Key(String text, PromptOptions options, int chunks, int clipSkip) {}

  /** Embeddings of one text. */
  record Embeddings(Tensor hiddenStates, @Nullable Tensor pooled) {}

  private final Map<Key, Embeddings> recent = new LinkedHashMap<>(16, 0.75f, true);

  /** The embeddings of a text; two threads that ask for a new one may both compute it. */
  Embeddings get(Key key, Supplier<Embeddings> compute) {
    synchronized (recent) {
      Embeddings known = recent.get(key);
      if (known != null) {
        return known;
      }
    }
    Embeddings computed = compute.get();
    synchronized (recent) {
      recent.put(key, computed);
      if (recent.size() > TEXTS) {
        recent.remove(recent.keySet().iterator().next());
      }
    }
    return computed;
  }
}
