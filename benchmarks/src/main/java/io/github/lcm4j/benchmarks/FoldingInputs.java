package io.github.lcm4j.benchmarks;

import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.lora.LoraMerger;
import io.github.lcm4j.lora.MergeResult;
import io.github.lcm4j.safetensors.WeightSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Mapped weights and the LoRAs that are folded into them as the pipeline does it.
 *
 * @param bases weights by component
 * @param loras what to fold
 * @param merger what folds
 */
record FoldingInputs(Map<String, WeightSource> bases, List<LoraSpec> loras, LoraMerger merger) {
  private static final int PAGE = 4096;

  static FoldingInputs open(Path folder, List<Path> loras, int threads) throws IOException {
    Map<String, WeightSource> bases = new LinkedHashMap<>();
    for (Component part : Checkpoint.open(folder).components().values()) {
      if (part.name().equals("unet") || part.name().startsWith("text_encoder")) {
        bases.put(part.name(), part.openWeights());
      }
    }
    return new FoldingInputs(
        bases,
        loras.stream().map(LoraSpec::of).toList(),
        LoraMerger.builder().keepFloat32(true).threads(threads).build());
  }

  MergeResult fold() throws IOException {
    return merger.merge(bases, loras);
  }

  /** Makes all weights resident, as those of a loaded pipeline are. */
  int touch() {
    int sum = 0;
    for (WeightSource base : bases.values()) {
      for (String name : base.names()) {
        ByteBuffer bytes = base.tensor(name).buffer();
        for (int i = 0; i < bytes.limit(); i += PAGE) {
          sum += bytes.get(i);
        }
      }
    }
    return sum;
  }
}
