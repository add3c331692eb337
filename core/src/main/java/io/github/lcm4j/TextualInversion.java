package io.github.lcm4j;

import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A learned word (Gal et al. 2022, "An Image is Worth One Word"): one or more token embeddings in a
 * safetensors file. Three forms are published: a single tensor under the word itself (diffusers), a
 * single tensor {@code emb_params} (web UIs), and {@code clip_l} with {@code clip_g} for SDXL's two
 * text encoders.
 *
 * <p>SDXL checkpoints whose second text encoder is configured with {@code eos_token_id} 2 take the
 * pooled embedding at the largest id, which then is that of the word instead of the text's end, as
 * transformers does.
 *
 * @param file the file
 * @param token the word that stands for it in prompts, or null for the tensor's own name, or the
 *     file's name without its ending where the tensor is called as in the other two forms
 */
public record TextualInversion(Path file, @Nullable String token) {
  /** Checks the word. */
  public TextualInversion {
    Objects.requireNonNull(file, "file");
    if (token != null && token.isBlank()) {
      throw new IllegalArgumentException("the token of " + file + " must not be blank");
    }
  }

  /** A file under the word that it names. */
  public static TextualInversion of(Path file) {
    return new TextualInversion(file, null);
  }
}
