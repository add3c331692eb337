package io.github.lcm4j.benchmarks.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A model in diffusers' layout without its weights: its configuration files. */
public final class Architecture {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  static final String MODEL_INDEX = "model_index.json";
  private static final String SCHEDULER = "scheduler/scheduler_config.json";
  private static final List<String> TEXT_ENCODERS = List.of("text_encoder", "text_encoder_2");

  private final Map<String, JsonNode> files;

  private Architecture(Map<String, JsonNode> files) {
    this.files = Collections.unmodifiableMap(files);
  }

  /** Where a configuration file's text comes from. */
  @FunctionalInterface
  private interface Source {
    @Nullable InputStream open(String name) throws IOException;
  }

  /**
   * Stable Diffusion 1.5 or SDXL in full size.
   *
   * @param name {@code sd15} or {@code sdxl}
   * @throws IllegalArgumentException if it is another name
   */
  public static Architecture named(String name) {
    try {
      return read(file -> Architecture.class.getResourceAsStream(name + "/" + file));
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "no architecture '%s'; there are sd15, sdxl".formatted(name), e);
    }
  }

  /**
   * The configuration files of a checkpoint folder.
   *
   * @throws IOException if it has none for the UNet or the autoencoder, or they are not JSON
   */
  public static Architecture read(Path folder) throws IOException {
    return read(
        file ->
            Files.isRegularFile(folder.resolve(file))
                ? Files.newInputStream(folder.resolve(file))
                : null);
  }

  private static Architecture read(Source source) throws IOException {
    List<String> names = new ArrayList<>(List.of(MODEL_INDEX, SCHEDULER));
    for (String part : List.of("unet", "vae", TEXT_ENCODERS.get(0), TEXT_ENCODERS.get(1))) {
      names.add(configFile(part));
    }
    Map<String, JsonNode> files = new LinkedHashMap<>();
    for (String name : names) {
      try (InputStream in = source.open(name)) {
        if (in != null) {
          files.put(name, MAPPER.readTree(in));
        }
      }
    }
    for (String part : List.of("unet", "vae")) {
      if (!files.containsKey(configFile(part))) {
        throw new IOException("expected " + configFile(part) + ", found " + files.keySet());
      }
    }
    return new Architecture(files);
  }

  private static String configFile(String part) {
    return part + "/config.json";
  }

  /** The configuration files by their path in the checkpoint. */
  Map<String, JsonNode> files() {
    return files;
  }

  private JsonNode config(String part) {
    JsonNode config = files.get(configFile(part));
    if (config == null) {
      throw new IllegalArgumentException("no " + configFile(part) + " among " + files.keySet());
    }
    return config;
  }

  /** The noise predictor. */
  public Network unet() {
    return UnetLayers.of(config("unet"));
  }

  /** Latents to picture. */
  public Network vaeDecoder() {
    return VaeLayers.decoder(config("vae"));
  }

  /** Picture to latents. */
  public Network vaeEncoder() {
    return VaeLayers.encoder(config("vae"));
  }

  /** The text encoders' folders, one or two. */
  List<String> textEncoderNames() {
    return TEXT_ENCODERS.stream().filter(name -> files.containsKey(configFile(name))).toList();
  }

  /** A text encoder by the name of its folder. */
  Network textEncoder(String name) {
    return ClipLayers.of(config(name));
  }

  /** The text encoders, one or two. */
  public List<Network> textEncoders() {
    return textEncoderNames().stream().map(this::textEncoder).toList();
  }

  /** Entries of a text encoder's vocabulary. */
  int vocabularySize(String textEncoder) {
    return Configs.integer(config(textEncoder), "vocab_size");
  }

  /** Longest tokenized prompt. */
  public int tokens() {
    return Configs.integer(config(TEXT_ENCODERS.get(0)), "max_position_embeddings");
  }

  /** Picture pixels a latent cell stands for, per side. */
  public int scaleFactor() {
    return 1 << (Configs.integers(config("vae"), "block_out_channels").size() - 1);
  }

  /** Side of the pictures it was made for, in pixels. */
  public int nativeSize() {
    return Configs.integer(config("unet"), "sample_size") * scaleFactor();
  }

  /** Channels of the latents. */
  public int latentChannels() {
    return config("vae").path("latent_channels").asInt(4);
  }

  /** Number of parameters of all parts. */
  public long parameters() {
    long sum = unet().parameters() + vaeDecoder().parameters() + vaeEncoder().parameters();
    for (Network encoder : textEncoders()) {
      sum += encoder.parameters();
    }
    return sum;
  }

  /** The extent of an evaluation that draws square pictures. */
  public Extent extent(int batch, int pixels) {
    int side = pixels / scaleFactor();
    return new Extent(batch, side, side, tokens());
  }
}
