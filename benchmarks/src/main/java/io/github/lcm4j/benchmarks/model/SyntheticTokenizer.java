package io.github.lcm4j.benchmarks.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A CLIP tokenizer whose vocabulary begins as CLIP's does, with the 256 bytes, inside and at the
 * end of a word, and has no merges: every letter is a token. The two special tokens have the last
 * ids.
 */
final class SyntheticTokenizer {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final String START = "<|startoftext|>";
  private static final String END = "<|endoftext|>";

  private SyntheticTokenizer() {}

  /**
   * Writes the files.
   *
   * @param folder where to; it is made
   * @param vocabularySize entries the text encoder has
   * @param length longest tokenized prompt
   * @param padToken what prompts are filled up with
   */
  static void write(Path folder, int vocabularySize, int length, String padToken)
      throws IOException {
    List<String> symbols = byteSymbols();
    if (vocabularySize < 2 * symbols.size() + 2) {
      throw new IllegalArgumentException(
          "the vocabulary needs %d entries, found %d"
              .formatted(2 * symbols.size() + 2, vocabularySize));
    }
    ObjectNode vocabulary = MAPPER.createObjectNode();
    for (String end : List.of("", "</w>")) {
      for (String symbol : symbols) {
        vocabulary.put(symbol + end, vocabulary.size());
      }
    }
    vocabulary.put(START, vocabularySize - 2).put(END, vocabularySize - 1);
    ObjectNode special =
        MAPPER
            .createObjectNode()
            .put("bos_token", START)
            .put("eos_token", END)
            .put("unk_token", END)
            .put("pad_token", padToken);
    ObjectNode config =
        special
            .deepCopy()
            .put("tokenizer_class", "CLIPTokenizer")
            .put("do_lower_case", true)
            .put("add_prefix_space", false)
            .put("errors", "replace")
            .put("model_max_length", length);
    Files.createDirectories(folder);
    MAPPER.writeValue(folder.resolve("vocab.json").toFile(), vocabulary);
    MAPPER.writeValue(folder.resolve("special_tokens_map.json").toFile(), special);
    MAPPER.writeValue(folder.resolve("tokenizer_config.json").toFile(), config);
    Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\n", StandardCharsets.UTF_8);
  }

  /** Printable characters stand for themselves, the other bytes for characters from 256 on. */
  private static List<String> byteSymbols() {
    List<String> printable = new ArrayList<>();
    List<String> others = new ArrayList<>();
    for (int value = 0; value < 256; value++) {
      boolean visible =
          value >= '!' && value <= '~' || value >= 0xa1 && value <= 0xff && value != 0xad;
      if (visible) {
        printable.add(Character.toString(value));
      } else {
        others.add(Character.toString(256 + others.size()));
      }
    }
    printable.addAll(others);
    return printable;
  }
}
