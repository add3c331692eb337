package io.github.lcm4j;

import io.github.lcm4j.EmbeddingCache.Embeddings;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import io.github.lcm4j.tokenizer.ClipTokenizer;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Prompts to conditioning, as diffusers' StableDiffusionPipeline and StableDiffusionXLPipeline do:
 * the first reads the last hidden state after the final layer norm, the second the last but one of
 * both encoders side by side and the second encoder's pooled embedding.
 */
final class PromptEncoder {
  private final List<ClipTokenizer> tokenizers;
  private final boolean textTime;
  private final boolean forceZerosForEmptyPrompt;

  private PromptEncoder(
      List<ClipTokenizer> tokenizers, boolean textTime, boolean forceZerosForEmptyPrompt) {
    this.tokenizers = tokenizers;
    this.textTime = textTime;
    this.forceZerosForEmptyPrompt = forceZerosForEmptyPrompt;
  }

  static PromptEncoder create(
      Checkpoint checkpoint, DiffusionModel model, TextualInversions inversions)
      throws IOException {
    List<ClipTokenizer> tokenizers = new ArrayList<>();
    for (int i = 0; i < model.textEncoders().size(); i++) {
      ClipTokenizer tokenizer =
          ClipTokenizer.open(checkpoint.folder().resolve(i == 0 ? "tokenizer" : "tokenizer_2"));
      tokenizers.add(inversions.addTo(tokenizer, i));
    }
    boolean textTime = model.unet().usesTextTime();
    // diffusers' SDXL pipeline defaults to true where model_index.json does not say.
    boolean forceZeros =
        textTime && checkpoint.modelIndex().path("force_zeros_for_empty_prompt").asBoolean(true);
    return new PromptEncoder(tokenizers, textTime, forceZeros);
  }

  /** A text's chunks, for each text encoder. */
  private record Text(String text, PromptOptions options, List<List<PromptChunk>> byEncoder) {
    int chunks() {
      return byEncoder.stream().mapToInt(List::size).max().orElse(1);
    }
  }

  Conditioning encode(
      ImageRequest request, boolean guided, List<TextEncoder> encoders, EmbeddingCache cache) {
    PromptOptions options = request.promptOptions();
    String negativePrompt = request.negativePrompt();
    boolean zeros = negativePrompt == null && forceZerosForEmptyPrompt;
    Text prompt = read(request.prompt(), options);
    Text negative =
        guided && !zeros ? read(negativePrompt == null ? "" : negativePrompt, options) : null;
    int chunks = Math.max(prompt.chunks(), negative == null ? 0 : negative.chunks());

    Embeddings positive = embeddings(prompt, chunks, encoders, options.clipSkip(), cache);
    List<Embeddings> halves = new ArrayList<>();
    if (guided) {
      halves.add(
          negative == null
              ? zerosLike(positive)
              : embeddings(negative, chunks, encoders, 0, cache));
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
    if (textTime && pooled.isEmpty()) {
      throw new IllegalStateException(
          "the UNet needs pooled text embeddings, but no text encoder has a projection");
    }
    int batch = halves.size() * request.count();
    return new Conditioning(
        Tensors.repeatEach(hidden, request.count()),
        textTime ? Tensors.repeatEach(pooled, request.count()) : null,
        textTime ? timeIds(batch, request) : null);
  }

  private Text read(String text, PromptOptions options) {
    List<PromptParser.Segment> segments = PromptParser.parse(text, options);
    return new Text(
        text,
        options,
        tokenizers.stream()
            .map(tokenizer -> PromptChunk.of(segments, tokenizer, options))
            .toList());
  }

  private static Embeddings zerosLike(Embeddings embeddings) {
    Tensor pooled = embeddings.pooled();
    return new Embeddings(
        Tensor.allocate(DType.FLOAT32, embeddings.hiddenStates().shape()),
        pooled == null ? null : Tensor.allocate(DType.FLOAT32, pooled.shape()));
  }

  private Embeddings embeddings(
      Text text, int chunks, List<TextEncoder> encoders, int clipSkip, EmbeddingCache cache) {
    return cache.get(
        new EmbeddingCache.Key(text.text(), text.options(), chunks, clipSkip),
        () -> embed(text, chunks, encoders, clipSkip));
  }

  private Embeddings embed(Text text, int chunks, List<TextEncoder> encoders, int clipSkip) {
    List<Tensor> states = new ArrayList<>();
    Tensor pooled = null;
    for (int i = 0; i < encoders.size(); i++) {
      List<PromptChunk> own = new ArrayList<>(text.byEncoder().get(i));
      while (own.size() < chunks) {
        own.add(PromptChunk.empty(tokenizers.get(i)));
      }
      TextEncoder.Encoding encoding =
          encoders.get(i).encode(ids(own), (textTime ? 1 : 0) + clipSkip, !textTime);
      Tensor hidden = encoding.hiddenState();
      for (int chunk = 0; chunk < chunks; chunk++) {
        if (own.get(chunk).isWeighted()) {
          weigh(hidden.rows(chunk, chunk + 1).floats(), own.get(chunk).weights());
        }
      }
      states.add(hidden.reshape(1, chunks * hidden.dimension(1), hidden.dimension(2)));
      if (encoding.textEmbeds() != null) {
        pooled = encoding.textEmbeds().rows(0, 1);
      }
    }
    return new Embeddings(Tensors.concatenateLast(states), pooled);
  }

  private static Tensor ids(List<PromptChunk> chunks) {
    int length = chunks.get(0).ids().length;
    Tensor ids = Tensor.allocate(DType.INT64, chunks.size(), length);
    LongBuffer out = ids.longs();
    chunks.forEach(chunk -> out.put(chunk.ids()));
    return ids;
  }

  /** Multiplies each token's embedding and gives the whole its mean back. */
  private static void weigh(FloatBuffer values, float[] weights) {
    int width = values.capacity() / weights.length;
    double before = 0;
    double after = 0;
    for (int i = 0; i < values.capacity(); i++) {
      float value = values.get(i);
      float weighed = value * weights[i / width];
      before += value;
      after += weighed;
      values.put(i, weighed);
    }
    float correction = (float) (before / after);
    for (int i = 0; i < values.capacity(); i++) {
      values.put(i, values.get(i) * correction);
    }
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
}
