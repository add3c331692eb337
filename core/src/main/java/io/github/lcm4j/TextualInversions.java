package io.github.lcm4j;

import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import io.github.lcm4j.tokenizer.ClipTokenizer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Learned words read for the text encoders of a checkpoint. Their embeddings follow those of the
 * vocabulary: a new token's id is the vocabulary's size plus its place here.
 */
final class TextualInversions {
  static final TextualInversions NONE = new TextualInversions(List.of());

  private static final String WEB_UI = "emb_params";

  /** SDXL's tensors, in the order of the text encoders. */
  private static final List<String> SDXL = List.of("clip_l", "clip_g");

  private static final List<String> PARTS = List.of("text_encoder", "text_encoder_2");

  /** One text encoder with its learned words. */
  private static final class Encoder {
    private final Component component;
    private final int firstId;
    private final int width;
    private final List<Tensor> vectors = new ArrayList<>();
    private final Map<String, int[]> tokens = new LinkedHashMap<>();
    private int nextId;

    Encoder(Component component) throws CheckpointException {
      this.component = component;
      this.firstId = component.requireInt("vocab_size");
      this.width = component.requireInt("hidden_size");
      this.nextId = firstId;
    }

    void add(String token, Tensor vectors, String source) throws CheckpointException {
      int rank = vectors.rank();
      if (rank < 1 || rank > 2 || vectors.dimension(rank - 1) != width) {
        throw new CheckpointException(
            "%s has shape %s; %s takes vectors of %d, is this a word for another model?"
                .formatted(source, Arrays.toString(vectors.shape()), component.name(), width));
      }
      Tensor rows = vectors.toFloat32().reshape(rank == 1 ? 1 : vectors.dimension(0), width);
      int[] ids = new int[(int) rows.dimension(0)];
      Arrays.setAll(ids, i -> nextId + i);
      nextId += ids.length;
      if (tokens.put(token, ids) != null) {
        throw new CheckpointException(
            "two textual inversions are called '%s'; give one of them another token"
                .formatted(token));
      }
      this.vectors.add(rows);
    }

    Tensor embeddings() {
      Tensor result = Tensor.allocate(DType.FLOAT32, nextId - firstId, width);
      ByteBuffer out = result.buffer();
      vectors.forEach(rows -> out.put(rows.buffer()));
      return result;
    }
  }

  private final List<Encoder> encoders;

  private TextualInversions(List<Encoder> encoders) {
    this.encoders = encoders;
  }

  static TextualInversions read(List<TextualInversion> inversions, Checkpoint checkpoint)
      throws IOException {
    if (inversions.isEmpty()) {
      return NONE;
    }
    List<Encoder> encoders = new ArrayList<>();
    for (String part : PARTS) {
      if (checkpoint.component(part).isPresent()) {
        encoders.add(new Encoder(checkpoint.require(part)));
      }
    }
    for (TextualInversion inversion : inversions) {
      read(inversion, encoders);
    }
    return new TextualInversions(encoders);
  }

  private static void read(TextualInversion inversion, List<Encoder> encoders) throws IOException {
    Path file = inversion.file();
    SafetensorsFile tensors = SafetensorsFile.open(file);
    Set<String> names = tensors.names();
    List<String> wanted = encoders.size() > 1 ? SDXL : List.copyOf(names);
    if (names.size() != encoders.size() || !names.containsAll(wanted)) {
      throw new CheckpointException(
          "%s holds %s; a textual inversion for this checkpoint holds %s"
              .formatted(
                  file,
                  names,
                  encoders.size() > 1
                      ? "clip_l and clip_g"
                      : "one tensor, the word or emb_params"));
    }
    String own = wanted.get(0);
    String token =
        inversion.token() != null
            ? inversion.token()
            : own.equals(WEB_UI) || SDXL.contains(own) ? stem(file) : own;
    for (int i = 0; i < encoders.size(); i++) {
      String name = wanted.get(i);
      encoders.get(i).add(token, tensors.tensor(name), file + ": tensor " + name);
    }
  }

  private static String stem(Path file) {
    String name = file.getFileName().toString();
    int dot = name.lastIndexOf('.');
    return dot > 0 ? name.substring(0, dot) : name;
  }

  /** The embeddings {@code [words, width]} by part of the checkpoint; empty if there are none. */
  Map<String, Tensor> embeddings() {
    Map<String, Tensor> embeddings = new LinkedHashMap<>();
    for (Encoder encoder : encoders) {
      embeddings.put(encoder.component.name(), encoder.embeddings());
    }
    return embeddings;
  }

  /** A tokenizer that knows the words of a text encoder. */
  ClipTokenizer addTo(ClipTokenizer tokenizer, int encoder) throws CheckpointException {
    return encoders.isEmpty() ? tokenizer : tokenizer.withTokens(encoders.get(encoder).tokens);
  }
}
