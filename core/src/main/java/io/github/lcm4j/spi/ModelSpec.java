package io.github.lcm4j.spi;

import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.Precision;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.tensor.Tensor;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a backend is to load.
 *
 * @param checkpoint the base model
 * @param loras LoRA files to fold in, in order
 * @param lenientLoras whether a LoRA key without a matching weight is reported rather than refused
 * @param executionProvider where to compute
 * @param threads threads one network may use; 0 for the backend's choice
 * @param tokenEmbeddings by text encoder part, float32 {@code [tokens, hidden_size]}: embeddings of
 *     tokens beyond the vocabulary, whose ids go on from {@code vocab_size}; empty for none
 * @param controlNets parts outside the checkpoint that are to steer its UNet, in order
 * @param t2iAdapters parts outside the checkpoint that add features inside its UNet, in order
 * @param previewVae an AutoencoderTiny outside the checkpoint that draws previews, or null
 * @param lowMemory whether each network is to be in memory only while it runs
 * @param precision what the networks are to compute in
 */
public record ModelSpec(
    Checkpoint checkpoint,
    List<LoraSpec> loras,
    boolean lenientLoras,
    ExecutionProvider executionProvider,
    int threads,
    Map<String, Tensor> tokenEmbeddings,
    List<Component> controlNets,
    List<Component> t2iAdapters,
    @Nullable Component previewVae,
    boolean lowMemory,
    Precision precision) {
  /** Copies the collections. */
  public ModelSpec {
    loras = List.copyOf(loras);
    tokenEmbeddings = Map.copyOf(tokenEmbeddings);
    controlNets = List.copyOf(controlNets);
    t2iAdapters = List.copyOf(t2iAdapters);
    if (threads < 0) {
      throw new IllegalArgumentException("threads must be at least 0, found " + threads);
    }
  }

  /** A checkpoint with LoRAs and nothing else. */
  public ModelSpec(
      Checkpoint checkpoint,
      List<LoraSpec> loras,
      boolean lenientLoras,
      ExecutionProvider executionProvider,
      int threads) {
    this(
        checkpoint,
        loras,
        lenientLoras,
        executionProvider,
        threads,
        Map.of(),
        List.of(),
        List.of(),
        null,
        false,
        Precision.FLOAT32);
  }
}
