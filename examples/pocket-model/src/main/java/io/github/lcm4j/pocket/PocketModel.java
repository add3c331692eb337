package io.github.lcm4j.pocket;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The files of the pocket model: a text-to-image model of emoji-like 64×64 pictures in diffusers'
 * layout, and the LCM-LoRA distilled from it. {@code MODEL_CARD.md} beside this class says what it
 * draws.
 *
 * <p>Weights are memory-mapped and so must be files. Resources that are files are used where they
 * are; resources inside a jar are written once into a cache folder: the one that the system
 * property {@value #CACHE_PROPERTY} names, else the user's cache folder, else the folder for
 * temporary files. The folder is named after the model's content, and several processes may ask at
 * once.
 *
 * <p>The model is under the MIT licence: Fluent Emoji, Copyright (c) Microsoft Corporation, MIT.
 */
public final class PocketModel {
  /** System property that names the cache folder. */
  public static final String CACHE_PROPERTY = "lcm4j.cache";

  private static final String MANIFEST = "manifest.txt";

  private static @Nullable Path folder;

  private PocketModel() {}

  /**
   * The checkpoint.
   *
   * @return a folder in diffusers' layout
   * @throws IOException if the files cannot be written into the cache folder
   */
  public static Path checkpoint() throws IOException {
    return folder().resolve("checkpoint");
  }

  /**
   * The LCM-LoRA for this checkpoint: for {@code LCMScheduler} at 1 to 8 steps, guidance 1.
   *
   * @return a safetensors file with kohya's keys
   * @throws IOException if the files cannot be written into the cache folder
   */
  public static Path lcmLora() throws IOException {
    return folder().resolve("pocket-lcm-lora.safetensors");
  }

  private static synchronized Path folder() throws IOException {
    if (folder == null) {
      Path inPlace = inPlace();
      folder = inPlace != null ? inPlace : new ResourceCache(Manifest.read()).folder();
    }
    return folder;
  }

  /** The resources' folder where they are plain files, else null. */
  private static @Nullable Path inPlace() {
    URI manifest = resourceUri(MANIFEST);
    return "file".equals(manifest.getScheme()) ? Path.of(manifest).getParent() : null;
  }

  static URL resource(String name) {
    URL url = PocketModel.class.getResource(name);
    if (url == null) {
      throw new IllegalStateException("the pocket model's jar lacks its resource " + name);
    }
    return url;
  }

  private static URI resourceUri(String name) {
    try {
      return resource(name).toURI();
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }
}
