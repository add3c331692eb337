package io.github.lcm4j;

/**
 * How prompts are read. By default as diffusers does: brackets are text like any other, and what is
 * beyond the text encoder's 75 tokens is cut off.
 *
 * @param weighting whether brackets set weights, in the syntax that AUTOMATIC1111's web UI made
 *     common: {@code (text)} counts 1.1 times, {@code [text]} 1/1.1 times, {@code (text:1.3)} 1.3
 *     times; nested weights multiply, a bracket that is not closed reaches to the end, one that was
 *     not opened is text, and a backslash makes the bracket after it text. Each token's embedding
 *     is multiplied by its weight, and then the whole chunk so that its mean is what it was before.
 *     Prompt editing ({@code [a:b:0.5]}, {@code [a|b]}) is not known, and is text
 * @param longPrompts whether a prompt of more than 75 tokens is encoded in chunks of 75 whose
 *     embeddings are laid end to end; the word {@code BREAK} ends a chunk early. The shorter of
 *     prompt and negative prompt is filled up with empty chunks; SDXL's pooled embedding is that of
 *     the first chunk
 * @param clipSkip how many of the text encoder's last layers are skipped, ≥ 0, counted as diffusers
 *     counts (one less than web UIs do); for the prompt only, not the negative prompt
 */
public record PromptOptions(boolean weighting, boolean longPrompts, int clipSkip) {
  /** As diffusers reads prompts. */
  public static final PromptOptions DEFAULT = new PromptOptions(false, false, 0);

  /**
   * Checks the layers.
   *
   * @throws IllegalArgumentException if clipSkip is negative
   */
  public PromptOptions {
    if (clipSkip < 0) {
      throw new IllegalArgumentException("clipSkip must be at least 0, found " + clipSkip);
    }
  }

  /** These options with or without weights in brackets. */
  public PromptOptions weighting(boolean value) {
    return new PromptOptions(value, longPrompts, clipSkip);
  }

  /** These options with or without chunks for long prompts. */
  public PromptOptions longPrompts(boolean value) {
    return new PromptOptions(weighting, value, clipSkip);
  }

  /** These options with another number of skipped layers. */
  public PromptOptions clipSkip(int value) {
    return new PromptOptions(weighting, longPrompts, value);
  }
}
