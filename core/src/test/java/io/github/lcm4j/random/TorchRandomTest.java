package io.github.lcm4j.random;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.tensor.Tensor;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TorchRandomTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final float TOLERANCE = 1e-6f;

  /** See golden/README.md for how the reference was made. */
  @Test
  void drawsEqualTorch() throws Exception {
    SafetensorsFile expected = SafetensorsFile.open(GOLDEN.resolve("torch-randn.safetensors"));
    JsonNode draws = new ObjectMapper().readTree(GOLDEN.resolve("torch-randn.json").toFile());
    Map<Long, TorchRandom> generators = new HashMap<>();
    for (JsonNode draw : draws) {
      long[] shape = new ObjectMapper().convertValue(draw.get("shape"), long[].class);
      Tensor found =
          generators.computeIfAbsent(draw.get("seed").longValue(), TorchRandom::new).randn(shape);
      String key = draw.get("key").textValue();
      assertArrayEquals(shape, found.shape(), key);
      assertClose(key, expected.tensor(key).toFloatArray(), found.toFloatArray());
    }
    assertEquals(10, generators.size());
  }

  private static void assertClose(String key, float[] expected, float[] found) {
    assertEquals(expected.length, found.length, key);
    int worst = 0;
    for (int i = 0; i < expected.length; i++) {
      if (!(Math.abs(expected[i] - found[i]) <= Math.abs(expected[worst] - found[worst]))) {
        worst = i;
      }
    }
    assertEquals(expected[worst], found[worst], TOLERANCE, key + ", worst element " + worst);
  }

  @Test
  void onlyTheLower32BitsOfTheSeedCount() {
    float[] expected = new TorchRandom(3).randn(40).toFloatArray();
    assertArrayEquals(expected, new TorchRandom((1L << 40) + 3).randn(40).toFloatArray());
    assertArrayEquals(expected, new TorchRandom((-1L << 32) + 3).randn(40).toFloatArray());
  }

  @Test
  void emptyDrawLeavesTheStateAlone() {
    TorchRandom random = new TorchRandom(5);
    assertEquals(0, random.randn(0, 4).elementCount());
    assertArrayEquals(new TorchRandom(5).randn(3).toFloatArray(), random.randn(3).toFloatArray());
  }

  @Test
  void refusesNegativeExtents() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> new TorchRandom(0).randn(2, -1));
    assertTrue(e.getMessage().contains("[2, -1]"), e.getMessage());
  }
}
