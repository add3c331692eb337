package io.github.lcm4j;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Brackets against the parser of diffusers' community pipeline (see the reference data's README).
 */
class PromptParserTest {
  private static final PromptOptions WEIGHTED = PromptOptions.DEFAULT.weighting(true);

  static Stream<JsonNode> weights() throws IOException {
    try (InputStream file =
        PromptParserTest.class.getResourceAsStream("/golden/prompts/weights.json")) {
      return StreamSupport.stream(new ObjectMapper().readTree(file).spliterator(), false);
    }
  }

  @ParameterizedTest
  @MethodSource("weights")
  void readsWeightsAsWebUis(JsonNode example) {
    String prompt = example.path("prompt").asText();
    List<PromptParser.Segment> segments = PromptParser.parse(prompt, WEIGHTED);
    List<JsonNode> expected =
        StreamSupport.stream(example.path("pairs").spliterator(), false)
            // An empty text has no tokens; the reference keeps some of them.
            .filter(pair -> !pair.path(0).asText().isEmpty())
            .toList();
    assertEquals(
        expected.stream().map(pair -> pair.path(0).asText()).toList(),
        segments.stream().map(PromptParser.Segment::text).toList(),
        prompt);
    for (int i = 0; i < segments.size(); i++) {
      double weight = expected.get(i).path(1).asDouble();
      assertEquals(
          weight, segments.get(i).weight(), Math.abs(weight) * 1e-12, prompt + ", piece " + i);
    }
  }

  /** {@code |} stands for the start of a chunk. */
  @ParameterizedTest
  @CsvSource({
    "a BREAK b,true,'a|b'",
    "aBREAK b,true,'aBREAK b'",
    "BREAK b,true,'|b'",
    "a BREAK BREAK b,true,'a||b'",
    "a BREAK,true,'a|'",
    "a BREAK b,false,'a BREAK b'",
    "a break b,true,'a break b'"
  })
  void breaksStartChunksOfLongPrompts(String prompt, boolean longPrompts, String expected) {
    StringBuilder found = new StringBuilder();
    for (PromptParser.Segment segment :
        PromptParser.parse(prompt, PromptOptions.DEFAULT.longPrompts(longPrompts))) {
      found.append(segment.startsChunk() ? "|" : "").append(segment.text());
    }
    assertEquals(expected, found.toString());
  }

  @ParameterizedTest
  @CsvSource({"(a BREAK b:1.3)", "(a BREAK b: 1.3 )"})
  void weightsReachAcrossBreaks(String prompt) {
    assertEquals(
        List.of(
            new PromptParser.Segment("a", 1.3, false), new PromptParser.Segment("b", 1.3, true)),
        PromptParser.parse(prompt, WEIGHTED.longPrompts(true)));
  }
}
