package io.github.lcm4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import io.github.lcm4j.tensor.Tensor;
import org.junit.jupiter.api.Test;

class EmbeddingCacheTest {
  private final EmbeddingCache cache = new EmbeddingCache();
  private int computed;

  private EmbeddingCache.Embeddings get(String text, PromptOptions options, int clipSkip) {
    return cache.get(
        new EmbeddingCache.Key(text, options, 1, clipSkip),
        () -> {
          computed++;
          return new EmbeddingCache.Embeddings(Tensor.of(new float[] {computed}, 1), null);
        });
  }

  @Test
  void aTextIsEncodedOnceForEachWayOfReadingIt() {
    PromptOptions plain = PromptOptions.DEFAULT;
    EmbeddingCache.Embeddings first = get("a (cat:1.3)", plain, 0);
    assertSame(first, get("a (cat:1.3)", plain, 0));
    assertEquals(1, computed);
    get("a (cat:1.3)", new PromptOptions(true, false, 0), 0);
    get("a (cat:1.3)", plain, 1);
    get("a cat", plain, 0);
    assertEquals(4, computed);
  }

  @Test
  void theLeastRecentTextIsForgotten() {
    PromptOptions plain = PromptOptions.DEFAULT;
    get("", plain, 0);
    for (int i = 0; i < EmbeddingCache.TEXTS; i++) {
      get("prompt " + i, plain, 0);
      get("", plain, 0);
    }
    assertEquals(EmbeddingCache.TEXTS + 1, computed);
    get("prompt 0", plain, 0);
    assertEquals(EmbeddingCache.TEXTS + 2, computed);
  }
}
