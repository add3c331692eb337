package io.github.lcm4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Expected ids are transformers' own; golden/README.md says how they were made. */
class ClipTokenizerTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/tokenizer");
  private static final Path VOCABULARY = GOLDEN.resolve("clip-vocabulary");
  private static final ObjectMapper MAPPER = new ObjectMapper();

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"<|endoftext|>", "!"})
  void goldenPrompts(String padToken) throws Exception {
    copyVocabulary();
    ObjectNode config =
        (ObjectNode) MAPPER.readTree(VOCABULARY.resolve("tokenizer_config.json").toFile());
    write("tokenizer_config.json", config.put("pad_token", padToken).toString());
    ClipTokenizer tokenizer = ClipTokenizer.open(folder);
    int compared = 0;
    for (JsonNode c : MAPPER.readTree(GOLDEN.resolve("clip-tokens.json").toFile())) {
      if (c.get("pad_token").textValue().equals(padToken)) {
        String prompt = c.get("prompt").textValue();
        long[] expected = MAPPER.convertValue(c.get("input_ids"), long[].class);
        assertArrayEquals(expected, tokenizer.encode(prompt), "prompt '" + prompt + "'");
        compared++;
      }
    }
    assertEquals(98, compared);
  }

  static Stream<JsonNode> configurations() throws IOException {
    List<JsonNode> cases = new ArrayList<>();
    MAPPER.readTree(GOLDEN.resolve("clip-configurations.json").toFile()).forEach(cases::add);
    return cases.stream();
  }

  @ParameterizedTest
  @MethodSource("configurations")
  void configurationsOfCheckpoints(JsonNode c) throws Exception {
    if (!c.at("/files/tokenizer").isMissingNode()) {
      writeTokenizerJson(c.at("/files/tokenizer"));
    } else {
      copyVocabulary();
    }
    for (Map.Entry<String, JsonNode> file : c.get("files").properties()) {
      if (!file.getKey().equals("tokenizer")) {
        write(file.getKey(), file.getValue().toString());
      }
    }
    ClipTokenizer tokenizer = ClipTokenizer.open(folder);
    int length = c.get("length").intValue();
    assertEquals(length, tokenizer.modelMaxLength());
    assertArrayEquals(
        MAPPER.convertValue(c.get("bos_eos_pad"), int[].class),
        new int[] {tokenizer.bosTokenId(), tokenizer.eosTokenId(), tokenizer.padTokenId()});
    for (Map.Entry<String, JsonNode> prompt : c.get("prompts").properties()) {
      String name = c.get("name").textValue() + ": '" + prompt.getKey() + "'";
      int[] expected = MAPPER.convertValue(prompt.getValue(), int[].class);
      assertArrayEquals(expected, tokenizer.tokenize(prompt.getKey()), name);
      long[] padded = new long[length];
      Arrays.fill(padded, tokenizer.padTokenId());
      int count = Math.min(expected.length, length - 2);
      padded[0] = tokenizer.bosTokenId();
      for (int i = 0; i < count; i++) {
        padded[i + 1] = expected[i];
      }
      padded[count + 1] = tokenizer.eosTokenId();
      assertArrayEquals(padded, tokenizer.encode(prompt.getKey()), name);
    }
  }

  /** A tokenizer.json as make_configurations.py writes it. */
  private void writeTokenizerJson(JsonNode description) throws IOException {
    ObjectNode root = MAPPER.createObjectNode();
    root.set("added_tokens", description.get("added_tokens"));
    ObjectNode model = root.putObject("model").put("type", "BPE");
    model.set("vocab", MAPPER.readTree(VOCABULARY.resolve("vocab.json").toFile()));
    ArrayNode merges = model.putArray("merges");
    boolean strings = description.get("merges").textValue().equals("strings");
    for (String line : Files.readAllLines(VOCABULARY.resolve("merges.txt"))) {
      if (line.startsWith("#version")) {
        continue;
      }
      if (strings) {
        merges.add(line);
      } else {
        Arrays.stream(line.split(" ")).forEach(merges.addArray()::add);
      }
    }
    write("tokenizer.json", root.toString());
  }

  /** A search of the whole word for every merge would take minutes here. */
  @Test
  void aVeryLongWordIsEncoded() throws Exception {
    ClipTokenizer tokenizer = ClipTokenizer.open(VOCABULARY);
    int[] two = tokenizer.tokenize("abab");
    assertEquals(2, two.length);
    int[] expected = new int[100_000];
    Arrays.fill(expected, two[0]);
    expected[expected.length - 1] = two[1];
    assertArrayEquals(expected, tokenizer.tokenize("ab".repeat(100_000)));
  }

  @Test
  void anEmptyFolderIsRefused() {
    assertRefused("holds no tokenizer", folder.toString());
  }

  @Test
  void aMissingFolderIsRefused() {
    Path missing = folder.resolve("missing");
    IOException e = assertThrows(IOException.class, () -> ClipTokenizer.open(missing));
    assertTrue(e.getMessage().contains(missing + " is not a folder"), e.getMessage());
  }

  @Test
  void aVocabularyWithoutMergesIsRefused() throws Exception {
    write("vocab.json", "{\"a\": 0}");
    assertRefused("has no merges.txt");
  }

  @Test
  void brokenJsonIsRefusedByFile() throws Exception {
    copyVocabulary();
    write("tokenizer_config.json", "{\"pad_token\": ");
    assertRefused("tokenizer_config.json", "not valid JSON");
  }

  @Test
  void aListInsteadOfAVocabularyIsRefused() throws Exception {
    write("vocab.json", "[]");
    write("merges.txt", "");
    assertRefused("vocab.json", "must hold a JSON object");
  }

  @Test
  void anIdThatIsNoNumberIsRefused() throws Exception {
    write("vocab.json", "{\"a\": 0, \"b\": 1.5}");
    write("merges.txt", "");
    assertRefused("vocab.json", "'b'", "1.5");
  }

  @Test
  void aMergeOfUnknownTokensIsRefused() throws Exception {
    copyVocabulary();
    Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\ni n\nzzq qqz\n");
    assertRefused("merges.txt", "merge 2", "'zzq'", "'qqz'");
  }

  @Test
  void aLineThatIsNoPairIsRefused() throws Exception {
    copyVocabulary();
    Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\ni n g\n");
    assertRefused("merges.txt", "line 2", "'i n g'");
  }

  @Test
  void mergesThatAreNotTextAreRefused() throws Exception {
    copyVocabulary();
    Files.write(folder.resolve("merges.txt"), new byte[] {'i', ' ', (byte) 0xff, '\n'});
    assertRefused("merges.txt", "UTF-8");
  }

  @Test
  void anIncompleteVocabularyWithoutUnkTokenIsRefused() throws Exception {
    write("vocab.json", "{\"!\": 0}");
    write("merges.txt", "");
    assertRefused("vocab.json", "for byte 0", "unk_token '<|endoftext|>'");
  }

  @Test
  void noPadTokenIsRefused() throws Exception {
    copyVocabulary();
    write("tokenizer_config.json", "{\"pad_token\": null}");
    assertRefused("pad_token", "nothing");
  }

  @Test
  void aPadTokenThatIsANumberIsRefused() throws Exception {
    copyVocabulary();
    write("special_tokens_map.json", "{\"pad_token\": 0}");
    assertRefused("pad_token must be a string", "found 0");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "-5", "\"77\"", "[77]"})
  void aSenselessLengthIsRefused(String length) throws Exception {
    copyVocabulary();
    write("tokenizer_config.json", "{\"model_max_length\": " + length + "}");
    assertRefused("tokenizer_config.json", "model_max_length", "found " + length);
  }

  @Test
  void anotherKindOfTokenizerIsRefused() throws Exception {
    write("tokenizer.json", "{\"model\": {\"type\": \"Unigram\", \"vocab\": [[\"a\", -1.0]]}}");
    assertRefused("tokenizer.json", "no vocabulary of byte pair encoding");
  }

  private void assertRefused(String... parts) {
    IOException e = assertThrows(IOException.class, () -> ClipTokenizer.open(folder));
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
  }

  private void copyVocabulary() throws IOException {
    for (String name : List.of("vocab.json", "merges.txt")) {
      Files.copy(VOCABULARY.resolve(name), folder.resolve(name));
    }
  }

  private void write(String name, String content) throws IOException {
    Files.writeString(folder.resolve(name), content);
  }
}
