package io.github.lcm4j;

import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import io.github.lcm4j.tokenizer.ClipTokenizer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Prompts to conditioning, as diffusers' StableDiffusionPipeline and StableDiffusionXLPipeline do:
 * the first reads the last hidden state after the final layer norm, the second the last but one of
 * both encoders side by side and the second encoder's pooled embedding.
 */
final class PromptEncoder {
  private final DiffusionModel model;
  private final List<ClipTokenizer> tokenizers;
  private final boolean forceZerosForEmptyPrompt;

  private PromptEncoder(
      DiffusionModel model, List<ClipTokenizer> tokenizers, boolean forceZerosForEmptyPrompt) {
    this.model = model;
    this.tokenizers = tokenizers;
    this.forceZerosForEmptyPrompt = forceZerosForEmptyPrompt;
  }

  static PromptEncoder create(Checkpoint checkpoint, DiffusionModel model) throws IOException {
    List<ClipTokenizer> tokenizers = new ArrayList<>();
    for (int i = 0; i < model.textEncoders().size(); i++) {
      tokenizers.add(
          ClipTokenizer.open(checkpoint.folder().resolve(i == 0 ? "tokenizer" : "tokenizer_2")));
    }
    // diffusers' SDXL pipeline defaults to true where model_index.json does not say.
    boolean forceZeros =
        model.unet().usesTextTime()
            && checkpoint.modelIndex().path("force_zeros_for_empty_prompt").asBoolean(true);
    return new PromptEncoder(model, tokenizers, forceZeros);
  }

  /** Embeddings of one text. */
  private record Embeddings(Tensor hiddenStates, @Nullable Tensor pooled) {
    Embeddings zeros() {
      return new Embeddings(
          Tensor.allocate(DType.FLOAT32, hiddenStates.shape()),
          pooled == null ? null : Tensor.allocate(DType.FLOAT32, pooled.shape()));
    }
  }

  Conditioning encode(ImageRequest request, boolean guided) {
    Embeddings positive = embed(request.prompt());
    List<Embeddings> halves = new ArrayList<>();
    if (guided) {
      String negative = request.negativePrompt();
      halves.add(
          negative == null && forceZerosForEmptyPrompt
              ? positive.zeros()
              : embed(negative == null ? "" : negative));
    }
    halves.add(positive);
    List<Tensor> hidden = new ArrayList<>();
    List<Tensor> pooled = new ArrayList<>();
    for (Embeddings half : halves) {
      hidden.add(half.hiddenStates());
      if (half.pooled() != null) {
        pooled.add(half.pooled());
      }
    }
    boolean textTime = model.unet().usesTextTime();
    if (textTime && pooled.isEmpty()) {
      throw new IllegalStateException(
          "the UNet needs pooled text embeddings, but no text encoder has a projection");
    }
    int batch = halves.size() * request.count();
    return new Conditioning(
        repeatEach(hidden, request.count()),
        textTime ? repeatEach(pooled, request.count()) : null,
        textTime ? timeIds(batch, request) : null);
  }

  private Embeddings embed(String prompt) {
    List<TextEncoder> encoders = model.textEncoders();
    boolean textTime = model.unet().usesTextTime();
    List<Tensor> states = new ArrayList<>();
    Tensor pooled = null;
    for (int i = 0; i < encoders.size(); i++) {
      long[] ids = tokenizers.get(i).encode(prompt);
      TextEncoder.Encoding encoding =
          encoders.get(i).encode(Tensor.of(ids, 1, ids.length), textTime ? 1 : 0, !textTime);
      states.add(encoding.hiddenState());
      if (encoding.textEmbeds() != null) {
        pooled = encoding.textEmbeds();
      }
    }
    return new Embeddings(concatenateLast(states), pooled);
  }

  /** SDXL: original size, crop offset and target size, height before width. */
  private static Tensor timeIds(int batch, ImageRequest request) {
    float[] ids = new float[batch * 6];
    for (int i = 0; i < batch; i++) {
      ids[i * 6] = request.height();
      ids[i * 6 + 1] = request.width();
      ids[i * 6 + 4] = request.height();
      ids[i * 6 + 5] = request.width();
    }
    return Tensor.of(ids, batch, 6);
  }

  /** Stacks one-row tensors, each repeated {@code count} times in a row. */
  private static Tensor repeatEach(List<Tensor> rows, int count) {
    if (rows.size() == 1 && count == 1) {
      return rows.get(0);
    }
    long[] shape = rows.get(0).shape();
    shape[0] = (long) rows.size() * count;
    Tensor result = Tensor.allocate(DType.FLOAT32, shape);
    ByteBuffer out = result.buffer();
    for (Tensor row : rows) {
      for (int i = 0; i < count; i++) {
        out.put(row.buffer());
      }
    }
    return result;
  }

  /** Joins {@code [1, length, width_i]} tensors along the last axis. */
  private static Tensor concatenateLast(List<Tensor> parts) {
    if (parts.size() == 1) {
      return parts.get(0);
    }
    long length = parts.get(0).dimension(1);
    long width = 0;
    for (Tensor part : parts) {
      if (part.dimension(1) != length) {
        throw new IllegalStateException(
            "the tokenizers give %d and %d tokens; both text encoders need the same length"
                .formatted(length, part.dimension(1)));
      }
      width += part.dimension(2);
    }
    Tensor result = Tensor.allocate(DType.FLOAT32, 1, length, width);
    ByteBuffer out = result.buffer();
    for (int token = 0; token < length; token++) {
      for (Tensor part : parts) {
        int rowBytes = part.byteSize() / (int) length;
        out.put(part.buffer().slice(token * rowBytes, rowBytes));
      }
    }
    return result;
  }
}
