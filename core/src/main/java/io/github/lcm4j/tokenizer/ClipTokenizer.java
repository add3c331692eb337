package io.github.lcm4j.tokenizer;

/** PLACEHOLDER. */
public final class ClipTokenizer {
  private ClipTokenizer() {}

  public static ClipTokenizer open(java.nio.file.Path folder) throws java.io.IOException {
    throw new java.io.IOException();
  }

  /** Ids of exactly modelMaxLength: start, prompt, end, padding; truncated. */
  public long[] encode(String prompt) {
    throw new IllegalStateException();
  }

  public int modelMaxLength() {
    return 77;
  }
}
