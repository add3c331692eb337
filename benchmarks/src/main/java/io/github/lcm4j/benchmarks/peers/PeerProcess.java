package io.github.lcm4j.benchmarks.peers;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** One run of a program that prints JSON lines. */
final class PeerProcess {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  /** The exit code of a script that misses a package; it names it in a line {@code missing}. */
  private static final int MISSING = 3;

  private PeerProcess() {}

  /**
   * Runs to the end.
   *
   * @param command the command line
   * @param log takes what it writes to standard error
   * @return its lines
   * @throws PeerException if the program or a package it needs is not there, or it fails
   */
  static List<JsonNode> run(List<String> command, Path log) throws IOException {
    Process process;
    try {
      process =
          new ProcessBuilder(command)
              .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()))
              .start();
    } catch (IOException e) {
      throw new PeerException(true, "%s cannot be started".formatted(command.get(0)));
    }
    try (BufferedReader out = process.inputReader()) {
      List<JsonNode> lines = new ArrayList<>();
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        lines.add(parse(command, line));
      }
      int code = process.waitFor();
      if (code == MISSING && !lines.isEmpty()) {
        throw new PeerException(
            true,
            "the package %s is not installed"
                .formatted(lines.get(lines.size() - 1).path("missing").asText()));
      }
      if (code != 0) {
        throw new PeerException(false, "exit code %d, see %s".formatted(code, log));
      }
      return lines;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while a peer was measured");
    } finally {
      process.destroy();
    }
  }

  private static JsonNode parse(List<String> command, String line) throws PeerException {
    try {
      return MAPPER.readTree(line);
    } catch (JsonProcessingException e) {
      throw new PeerException(
          false, "%s printed '%s' where JSON was expected".formatted(command.get(0), line));
    }
  }
}
