package io.github.lcm4j.tokenizer;

import io.github.lcm4j.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/**
 * CLIP's tokenizer: lower-cased byte-level byte pair encoding (Sennrich et al. 2016) with an
 * end-of-word mark, giving the ids that transformers' {@code CLIPTokenizer} gives.
 *
 * <p>Special tokens inside a prompt are recognised as such: {@code <|endoftext|>}, and with SD 2.x
 * and SDXL's second tokenizer, which pad with {@code !}, every {@code !}.
 *
 * <p>Prompts may hold any text; only characters that are newer than the Java runtime's Unicode
 * version may be taken for punctuation where transformers knows a letter.
 *
 * <p>Immutable and safe for use by several threads.
 */
public final class ClipTokenizer {
  private final AddedTokens addedTokens;
  private final BytePairEncoding encoding;
  private final int bosTokenId;
  private final int eosTokenId;
  private final int padTokenId;
  private final int modelMaxLength;

  private ClipTokenizer(TokenizerFiles files) throws IOException {
    encoding = BytePairEncoding.of(files);
    addedTokens = AddedTokens.of(files.specialTokens().added(), files.vocabulary());
    bosTokenId = addedTokens.id(files.specialTokens().bosToken());
    eosTokenId = addedTokens.id(files.specialTokens().eosToken());
    padTokenId = addedTokens.id(files.specialTokens().padToken());
    modelMaxLength = files.modelMaxLength();
  }

  /**
   * Reads a tokenizer.
   *
   * @param folder a checkpoint's {@code tokenizer} folder: {@code tokenizer.json}, or {@code
   *     vocab.json} and {@code merges.txt}; beside them optionally {@code tokenizer_config.json},
   *     {@code special_tokens_map.json} and {@code added_tokens.json}
   * @return the tokenizer
   * @throws IOException if a file is missing, cannot be read or is not what it should be; the
   *     message names it
   */
  public static ClipTokenizer open(Path folder) throws IOException {
    return new ClipTokenizer(TokenizerFiles.read(folder));
  }

  private ClipTokenizer(ClipTokenizer other, AddedTokens addedTokens) {
    this.addedTokens = addedTokens;
    encoding = other.encoding;
    bosTokenId = other.bosTokenId;
    eosTokenId = other.eosTokenId;
    padTokenId = other.padTokenId;
    modelMaxLength = other.modelMaxLength;
  }

  /**
   * This tokenizer with further tokens, found wherever they stand in the lower-cased text (even
   * inside a word), as transformers finds tokens that were added to a tokenizer.
   *
   * @param tokens the ids that each token stands for
   * @return a new tokenizer
   * @throws CheckpointException if a token is a word that the tokenizer knows already
   */
  public ClipTokenizer withTokens(Map<String, int[]> tokens) throws CheckpointException {
    for (String token : tokens.keySet()) {
      if (addedTokens.contains(token) || tokenize(token).length <= 1) {
        throw new CheckpointException(
            "the tokenizer already knows '%s'; give the new token another name".formatted(token));
      }
    }
    return new ClipTokenizer(this, addedTokens.and(tokens));
  }

  /**
   * The ids a text encoder takes: start, the prompt, end, padding. A prompt that is too long is cut
   * so that the end still fits.
   *
   * @param prompt any text
   * @return exactly {@link #modelMaxLength} ids
   */
  public long[] encode(String prompt) {
    int[] ids = tokenize(prompt);
    int count = Math.min(ids.length, modelMaxLength - 2);
    long[] padded = new long[modelMaxLength];
    padded[0] = bosTokenId;
    for (int i = 0; i < count; i++) {
      padded[i + 1] = ids[i];
    }
    padded[count + 1] = eosTokenId;
    Arrays.fill(padded, count + 2, modelMaxLength, padTokenId);
    return padded;
  }

  /**
   * The ids of a prompt alone: no start, no end, no padding, nothing cut off.
   *
   * @param prompt any text
   * @return its ids; empty for blank text
   */
  public int[] tokenize(String prompt) {
    IdList ids = new IdList();
    addedTokens.split(prompt, ids::add, text -> PromptSplitter.split(text, encoding, ids));
    return ids.toArray();
  }

  /** Ids {@link #encode} gives, start and end included: 77 for every published CLIP. */
  public int modelMaxLength() {
    return modelMaxLength;
  }

  /** Id of {@code <|startoftext|>}. */
  public int bosTokenId() {
    return bosTokenId;
  }

  /** Id of {@code <|endoftext|>}. */
  public int eosTokenId() {
    return eosTokenId;
  }

  /** Id that fills the space after the end. */
  public int padTokenId() {
    return padTokenId;
  }
}
