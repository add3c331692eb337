package io.github.lcm4j.safetensors;

import static io.github.lcm4j.safetensors.RawFile.tensor;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ShardedSafetensorsTest {
  @TempDir Path folder;
  private Path index;

  @BeforeEach
  void writeShards() throws Exception {
    index = folder.resolve("model.safetensors.index.json");
    RawFile.write(
        folder.resolve("model-1.safetensors"),
        "{\"__metadata__\":{\"format\":\"pt\"}," + tensor("a", "I32", "[1]", 0, 4) + "}",
        4);
    RawFile.write(
        folder.resolve("model-2.safetensors"),
        "{" + tensor("b", "F32", "[0]", 0, 0) + "," + tensor("c", "I64", "[]", 0, 8) + "}",
        8);
  }

  @Test
  void readsTheTensorsOfAllShards() throws Exception {
    Files.writeString(
        index,
        """
        {"metadata": {"total_size": 12}, "weight_map": {
          "a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-2.safetensors"}}
        """);
    ShardedSafetensors weights = ShardedSafetensors.open(index);
    assertEquals(Set.of("a", "b", "c"), weights.names());
    assertEquals(0x03020100, weights.tensor("a").ints().get(0));
    assertEquals(0x0706050403020100L, weights.tensor("c").longs().get(0));
    assertEquals(folder.resolve("model-2.safetensors"), weights.info("b").file());
    assertEquals(Map.of("format", "pt"), weights.metadata());
    assertEquals(index.toString(), weights.description());
    SafetensorsFileTest.assertMentions(
        assertThrows(NoSuchElementException.class, () -> weights.tensor("d")),
        index.toString(),
        "d");
  }

  static Stream<Arguments> faults() {
    return Stream.of(
        arguments("{", "not valid JSON"),
        arguments("[]", "has no weight_map"),
        arguments("{\"weight_map\": []}", "has no weight_map"),
        arguments("{\"weight_map\": {\"a\": 1}}", "tensor a must name its shard"),
        arguments("{\"weight_map\": {\"a\": \"\"}}", "must be a file name"),
        arguments("{\"weight_map\": {\"a\": \"../x.safetensors\"}}", "must be a file name"),
        arguments("{\"weight_map\": {\"a\": \"x\\\\y\"}}", "must be a file name"),
        arguments("{\"weight_map\": {\"a\": \"x\\u0000\"}}", "is no file name"),
        arguments("{\"weight_map\": {\"a\": \"..\"}}", "shard .., which is missing"),
        arguments("{\"weight_map\": {\"a\": \"model-3.safetensors\"}}", "model-3.safetensors"),
        arguments(
            "{\"weight_map\": {\"z\": \"model-1.safetensors\"}}",
            "model-1.safetensors holds tensor z"),
        arguments(
            "{\"weight_map\": {\"a\": \"model-1.safetensors\", \"a\": \"model-2.safetensors\"}}",
            "'a'"));
  }

  @ParameterizedTest
  @MethodSource("faults")
  void refuses(String json, String part) throws Exception {
    Files.writeString(index, json);
    SafetensorsException e =
        assertThrows(SafetensorsException.class, () -> ShardedSafetensors.open(index));
    SafetensorsFileTest.assertMentions(e, index.toString(), part);
  }

  @Test
  void aDamagedShardIsNamed() throws Exception {
    Path shard = folder.resolve("model-1.safetensors");
    Files.write(shard, new byte[3]);
    Files.writeString(index, "{\"weight_map\": {\"a\": \"model-1.safetensors\"}}");
    SafetensorsFileTest.assertMentions(
        assertThrows(SafetensorsException.class, () -> ShardedSafetensors.open(index)),
        shard.toString(),
        "truncated");
  }
}
