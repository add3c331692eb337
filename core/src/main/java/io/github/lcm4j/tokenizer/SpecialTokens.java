package io.github.lcm4j.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lcm4j.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The special tokens of a tokenizer and every token that is found in the text itself.
 *
 * <p>Four files may name them. As in transformers, {@code added_tokens_decoder} of {@code
 * tokenizer_config.json} settles all; without it {@code special_tokens_map.json} overrides the
 * names in {@code tokenizer_config.json}, and {@code added_tokens.json} and {@code tokenizer.json}
 * define further tokens.
 *
 * @param bosToken starts every prompt
 * @param eosToken ends every prompt
 * @param unkToken stands for what the vocabulary cannot write
 * @param padToken fills up after the end
 * @param added these and all further ones, each once, in the order in which new ids are given
 */
record SpecialTokens(
    String bosToken,
    String eosToken,
    String unkToken,
    String padToken,
    Collection<AddedToken> added) {

  private static final String CONFIG_FILE = "tokenizer_config.json";
  private static final String MAP_FILE = "special_tokens_map.json";
  private static final String ADDED_FILE = "added_tokens.json";
  private static final String DECODER = "added_tokens_decoder";
  private static final List<String> FURTHER =
      List.of("extra_special_tokens", "additional_special_tokens");

  /** The names transformers knows, in its order, with CLIP's defaults. */
  private static final Map<String, String> DEFAULTS = new LinkedHashMap<>();

  static {
    DEFAULTS.put("bos_token", "<|startoftext|>");
    DEFAULTS.put("eos_token", "<|endoftext|>");
    DEFAULTS.put("unk_token", "<|endoftext|>");
    DEFAULTS.put("sep_token", "");
    DEFAULTS.put("pad_token", "<|endoftext|>");
    DEFAULTS.put("cls_token", "");
    DEFAULTS.put("mask_token", "");
  }

  static SpecialTokens read(Path folder, ObjectNode config, ObjectNode tokenizer)
      throws IOException {
    boolean settled = config.path(DECODER).isObject();
    ObjectNode names = config.deepCopy();
    if (!settled) {
      names.setAll(TokenizerFiles.readJson(folder.resolve(MAP_FILE)));
    }
    Map<String, AddedToken> standard = new LinkedHashMap<>();
    DEFAULTS.forEach((name, content) -> standard.put(name, AddedToken.special(content)));
    Map<String, AddedToken> further = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : names.properties()) {
      String key = entry.getKey();
      JsonNode node = entry.getValue();
      if (DEFAULTS.containsKey(key)) {
        standard.put(key, token(folder, key, node, true));
      } else if (key.endsWith("_token") && (node.isTextual() || node.has("content"))) {
        further.put(key, token(folder, key, node, true));
      } else if (FURTHER.contains(key)) {
        for (JsonNode token : node) {
          further.put(key + further.size(), token(folder, key, token, true));
        }
      }
    }
    // The last of several names for a token says how it is found, and a definition overrides them.
    Map<String, AddedToken> named = new LinkedHashMap<>();
    standard.values().forEach(token -> named.put(token.content(), token));
    further.values().forEach(token -> named.put(token.content(), token));
    Map<String, AddedToken> all = new LinkedHashMap<>();
    Map<Integer, AddedToken> defined =
        settled
            ? decoder(folder.resolve(CONFIG_FILE), config)
            : definitions(folder, tokenizer, named.keySet());
    defined.values().forEach(token -> all.put(token.content(), token));
    named.forEach(all::putIfAbsent);
    all.remove("");
    return new SpecialTokens(
        required(folder, standard, "bos_token"),
        required(folder, standard, "eos_token"),
        standard.get("unk_token").content(),
        required(folder, standard, "pad_token"),
        all.values());
  }

  private static Map<Integer, AddedToken> decoder(Path file, ObjectNode config)
      throws CheckpointException {
    Map<Integer, AddedToken> defined = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : config.get(DECODER).properties()) {
      defined.put(id(file, entry.getKey()), token(file, DECODER, entry.getValue(), false));
    }
    return defined;
  }

  private static Map<Integer, AddedToken> definitions(
      Path folder, ObjectNode tokenizer, Set<String> named) throws IOException {
    Map<Integer, AddedToken> defined = new TreeMap<>();
    Path addedFile = folder.resolve(ADDED_FILE);
    for (Map.Entry<String, JsonNode> entry : TokenizerFiles.readJson(addedFile).properties()) {
      String content = entry.getKey();
      boolean normalized = !named.contains(content);
      defined.put(
          id(addedFile, entry.getValue().asText()),
          new AddedToken(content, false, false, false, normalized));
    }
    Path tokenizerFile = folder.resolve("tokenizer.json");
    for (JsonNode node : tokenizer.path("added_tokens")) {
      defined.put(
          id(tokenizerFile, node.path("id").asText()),
          token(tokenizerFile, "added_tokens", node, false));
    }
    return defined;
  }

  private static String required(Path folder, Map<String, AddedToken> standard, String name)
      throws CheckpointException {
    String content = standard.get(name).content();
    if (content.isEmpty()) {
      throw new CheckpointException(
          "%s: %s or %s sets %s to nothing; a prompt cannot be encoded without it"
              .formatted(folder, CONFIG_FILE, MAP_FILE, name));
    }
    return content;
  }

  private static int id(Path file, String text) throws CheckpointException {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new CheckpointException(
          "%s: the id of an added token must be a whole number, found '%s'".formatted(file, text),
          e);
    }
  }

  /** Published as a string, as an object with {@code content}, and as null for none. */
  private static AddedToken token(Path file, String name, JsonNode node, boolean special)
      throws CheckpointException {
    if (node.isNull()) {
      return AddedToken.special("");
    }
    if (node.isTextual()) {
      return AddedToken.special(node.textValue());
    }
    if (!node.path("content").isTextual()) {
      throw new CheckpointException(
          "%s: %s must be a string or an object with content, found %s"
              .formatted(file, name, node));
    }
    return new AddedToken(
        node.path("content").textValue(),
        node.path("single_word").asBoolean(),
        node.path("lstrip").asBoolean(),
        node.path("rstrip").asBoolean(),
        node.path("normalized").asBoolean(!node.path("special").asBoolean(special)));
  }
}
