package io.github.lcm4j.json;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lcm4j.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The JSON files of a checkpoint, each of which holds one object. */
public final class JsonFiles {
  private JsonFiles() {}

  /**
   * The object in a file.
   *
   * @param mapper how its text is read
   * @param file the file
   * @throws CheckpointException if it is not a JSON object; the message names the file
   * @throws IOException if it cannot be read
   */
  public static ObjectNode read(ObjectMapper mapper, Path file) throws IOException {
    try {
      if (mapper.readTree(file.toFile()) instanceof ObjectNode object) {
        return object;
      }
    } catch (JsonProcessingException e) {
      throw new CheckpointException(file + " is not valid JSON: " + describe(e), e);
    }
    throw new CheckpointException(file + " must hold a JSON object");
  }

  /** What is wrong and where, without Jackson's own words for a source that it does not show. */
  public static String describe(JsonProcessingException fault) {
    String message =
        String.valueOf(fault.getOriginalMessage())
            .replaceAll("\\[Source: [^;\\]]*; ([^\\]]*)\\]", "$1");
    JsonLocation location = fault.getLocation();
    return location == null
        ? message
        : "%s; line %d, column %d".formatted(message, location.getLineNr(), location.getColumnNr());
  }

  /** The object in a file; an empty one if there is no such file. */
  public static ObjectNode readIfThere(ObjectMapper mapper, Path file) throws IOException {
    return Files.isRegularFile(file) ? read(mapper, file) : JsonNodeFactory.instance.objectNode();
  }
}
