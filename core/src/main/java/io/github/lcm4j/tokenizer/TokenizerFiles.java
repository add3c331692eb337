package io.github.lcm4j.tokenizer;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.json.JsonFiles;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What the files of a tokenizer folder say. Where there is a {@code tokenizer.json}, its vocabulary
 * and merges count, as in transformers.
 *
 * @param vocabularyFile where the vocabulary comes from, for messages
 * @param vocabulary ids by token
 * @param mergesFile where the merges come from, for messages
 * @param merges pairs, the earliest learnt first
 * @param specialTokens the special and other added tokens
 * @param modelMaxLength ids a text encoder takes, ≥ 2
 */
record TokenizerFiles(
    Path vocabularyFile,
    Map<String, Integer> vocabulary,
    Path mergesFile,
    List<List<String>> merges,
    SpecialTokens specialTokens,
    int modelMaxLength) {

  /** Without the table of field names: a vocabulary has 49,408 of them, each once. */
  private static final ObjectMapper MAPPER =
      new ObjectMapper(
          JsonFactory.builder().disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES).build());

  private static final int DEFAULT_MAX_LENGTH = 77;

  /** A larger model_max_length is transformers' way to say that none was set. */
  private static final double MAX_LENGTH_LIMIT = 1e6;

  static TokenizerFiles read(Path folder) throws IOException {
    Path all = folder.resolve("tokenizer.json");
    Path vocabularyFile = folder.resolve("vocab.json");
    Path mergesFile = folder.resolve("merges.txt");
    ObjectNode tokenizer = readJson(all);
    Map<String, Integer> vocabulary;
    List<List<String>> merges;
    if (!tokenizer.isEmpty()) {
      vocabularyFile = all;
      mergesFile = all;
      JsonNode model = tokenizer.path("model");
      vocabulary = vocabulary(all, model.path("vocab"));
      merges = merges(all, model.path("merges"));
    } else if (Files.isRegularFile(vocabularyFile) && Files.isRegularFile(mergesFile)) {
      vocabulary = vocabulary(vocabularyFile, readJson(vocabularyFile));
      merges = readMerges(mergesFile);
    } else {
      String fault = "holds no tokenizer";
      if (!Files.isDirectory(folder)) {
        fault = "is not a folder";
      } else if (Files.isRegularFile(vocabularyFile)) {
        fault = "has no merges.txt";
      } else if (Files.isRegularFile(mergesFile)) {
        fault = "has no vocab.json";
      }
      throw new CheckpointException(
          "%s %s; a CLIP tokenizer is tokenizer.json, or vocab.json and merges.txt"
              .formatted(folder, fault));
    }
    Path configFile = folder.resolve("tokenizer_config.json");
    ObjectNode config = readJson(configFile);
    return new TokenizerFiles(
        vocabularyFile,
        vocabulary,
        mergesFile,
        merges,
        SpecialTokens.read(folder, config, tokenizer),
        modelMaxLength(configFile, config));
  }

  /** The object in a file; an empty one if there is no such file. */
  static ObjectNode readJson(Path file) throws IOException {
    return JsonFiles.readIfThere(MAPPER, file);
  }

  private static Map<String, Integer> vocabulary(Path file, JsonNode node)
      throws CheckpointException {
    if (!node.isObject() || node.isEmpty()) {
      throw new CheckpointException(file + " holds no vocabulary of byte pair encoding");
    }
    Map<String, Integer> vocabulary = new HashMap<>(node.size() * 2);
    for (Map.Entry<String, JsonNode> entry : node.properties()) {
      JsonNode id = entry.getValue();
      if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0) {
        throw new CheckpointException(
            "%s: the id of token '%s' must be a whole number of at least 0, found %s"
                .formatted(file, entry.getKey(), id));
      }
      vocabulary.put(entry.getKey(), id.intValue());
    }
    return vocabulary;
  }

  /** Published as strings {@code "a b"} and as arrays {@code ["a", "b"]}. */
  private static List<List<String>> merges(Path file, JsonNode node) throws CheckpointException {
    if (!node.isArray()) {
      throw new CheckpointException(file + " holds no merges of byte pair encoding");
    }
    List<List<String>> merges = new ArrayList<>(node.size());
    for (JsonNode merge : node) {
      if (merge.isTextual()) {
        merges.add(pair(file, merges.size() + 1, merge.textValue()));
      } else if (merge.size() == 2 && merge.path(0).isTextual() && merge.path(1).isTextual()) {
        merges.add(List.of(merge.get(0).textValue(), merge.get(1).textValue()));
      } else {
        throw new CheckpointException(
            "%s: merge %d must be a pair of tokens, found %s"
                .formatted(file, merges.size() + 1, merge));
      }
    }
    return merges;
  }

  private static List<List<String>> readMerges(Path file) throws IOException {
    List<List<String>> merges = new ArrayList<>();
    try {
      int number = 0;
      for (String line : Files.readAllLines(file)) {
        number++;
        if (!line.isEmpty() && !line.startsWith("#version")) {
          merges.add(pair(file, number, line));
        }
      }
    } catch (MalformedInputException e) {
      throw new CheckpointException(file + " is not UTF-8 text", e);
    }
    return merges;
  }

  private static List<String> pair(Path file, int number, String line) throws CheckpointException {
    int space = line.indexOf(' ');
    if (space <= 0 || space == line.length() - 1 || line.indexOf(' ', space + 1) >= 0) {
      throw new CheckpointException(
          "%s: line %d must hold two tokens and a space between them, found '%s'"
              .formatted(file, number, line));
    }
    return List.of(line.substring(0, space), line.substring(space + 1));
  }

  private static int modelMaxLength(Path file, ObjectNode config) throws CheckpointException {
    JsonNode node =
        config.has("model_max_length") ? config.get("model_max_length") : config.path("max_len");
    if (node.isMissingNode() || node.isNull() || node.doubleValue() > MAX_LENGTH_LIMIT) {
      return DEFAULT_MAX_LENGTH;
    }
    if (!node.isNumber() || node.doubleValue() < 2) {
      throw new CheckpointException(
          "%s: model_max_length must be a number of at least 2, found %s".formatted(file, node));
    }
    return node.intValue();
  }
}
