package io.github.lcm4j.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.lcm4j.safetensors.TensorInfo;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.Tensor;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which text encoders do not stay in memory; those of the other tests' models are too small. */
class EmittedPartsTest {
  /** The header of a file whose contents nobody reads. */
  private record Header(Map<String, TensorInfo> infos) implements WeightSource {
    @Override
    public Set<String> names() {
      return infos.keySet();
    }

    @Override
    public TensorInfo info(String name) {
      return infos.get(name);
    }

    @Override
    public Tensor tensor(String name) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Map<String, String> metadata() {
      return Map.of();
    }

    @Override
    public String description() {
      return "header";
    }
  }

  private static TensorInfo info(String name, String type, long bytes) {
    int size = type.equals("F32") ? 4 : type.equals("I64") ? 8 : 2;
    return new TensorInfo(name, type, new long[] {bytes / size}, Path.of("none"), 0, bytes);
  }

  @ParameterizedTest
  @CsvSource({
    "F32, 492000000, true",
    "F32, 100000000, false",
    "F16, 246000000, false",
    "BF16, 1, false"
  })
  void largeFloat32WeightsAreLoadedForEachUse(String type, long bytes, boolean expected) {
    Header header =
        new Header(
            Map.of(
                "position_ids", info("position_ids", "I64", 616),
                "weight", info("weight", type, bytes)));
    assertEquals(expected, EmittedParts.isLargeAndMapped(header));
  }
}
