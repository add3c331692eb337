package io.github.lcm4j.lora;

import io.github.lcm4j.safetensors.TensorInfo;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Which family of models a LoRA or a checkpoint belongs to, to explain why they do not fit. */
enum ModelFamily {
  SD1("Stable Diffusion 1.x"),
  SD2("Stable Diffusion 2.x"),
  SD1_OR_SD2("Stable Diffusion 1.x or 2.x"),
  SDXL("Stable Diffusion XL"),
  TRANSFORMER("a diffusion transformer such as Flux or SD 3");

  /** Only SDXL and its distillations stack transformer blocks in one attention module. */
  private static final Pattern ONLY_SDXL =
      Pattern.compile("transformer_blocks[._][1-9]|label_emb|add_embedding");

  /** Only SD 1.x and 2.x have attention in the first block. */
  private static final Pattern ONLY_SD =
      Pattern.compile("down_blocks[._]0[._]attentions|input_blocks[._][12][._]1[._]");

  private static final Pattern ONLY_TRANSFORMER =
      Pattern.compile("(double|single|joint)_blocks|single_transformer_blocks|^transformer\\.");

  private static final Pattern CROSS_ATTENTION = Pattern.compile(".*attn2[._]to_[kv]$");

  private final String title;

  ModelFamily(String title) {
    this.title = title;
  }

  /** A sentence on the difference if the file and the checkpoint differ in family, else "". */
  static String hint(LoraFile file, Map<String, ModuleTable> bases) {
    ModelFamily lora = of(file);
    ModelFamily base = of(bases);
    if (lora == null || base == null || lora.agrees(base)) {
      return "";
    }
    return "; this LoRA is for %s, the checkpoint is %s".formatted(lora.title, base.title);
  }

  private boolean agrees(ModelFamily other) {
    return this == other
        || this == SD1_OR_SD2 && (other == SD1 || other == SD2)
        || other == SD1_OR_SD2 && (this == SD1 || this == SD2);
  }

  private static @Nullable ModelFamily of(LoraFile file) {
    ModelFamily stated = stated(file.metadata());
    if (stated != null) {
      return stated;
    }
    ModelFamily family = null;
    for (LoraKey key : file.keys()) {
      if (ONLY_TRANSFORMER.matcher(key.module()).find()) {
        return TRANSFORMER;
      }
      if (key.component().equals("text_encoder_2") || ONLY_SDXL.matcher(key.module()).find()) {
        return SDXL;
      }
      if (key.role() == LoraRole.DOWN && CROSS_ATTENTION.matcher(key.module()).matches()) {
        TensorInfo info = file.info(key);
        long[] shape = info.shape();
        ModelFamily byWidth = shape.length == 2 ? byWidth(shape[1]) : null;
        family = byWidth != null ? byWidth : family;
      }
      if (family == null && ONLY_SD.matcher(key.module()).find()) {
        family = SD1_OR_SD2;
      }
    }
    return family;
  }

  private static @Nullable ModelFamily stated(Map<String, String> metadata) {
    String version =
        (metadata.getOrDefault("modelspec.architecture", "")
                + " "
                + metadata.getOrDefault("ss_base_model_version", ""))
            .toLowerCase(Locale.ROOT);
    if (version.contains("xl")) {
      return SDXL;
    }
    if (version.contains("flux") || version.contains("sd3") || version.contains("diffusion-3")) {
      return TRANSFORMER;
    }
    if (version.contains("sd_v1") || version.contains("diffusion-v1")) {
      return SD1;
    }
    return version.contains("sd_v2") || version.contains("diffusion-v2") ? SD2 : null;
  }

  private static @Nullable ModelFamily of(Map<String, ModuleTable> bases) {
    ModuleTable unet = bases.get("unet");
    if (bases.containsKey("text_encoder_2")
        || unet != null && unet.modules().contains("add_embedding.linear_1")) {
      return SDXL;
    }
    if (unet == null) {
      return null;
    }
    for (String module : unet.modules()) {
      if (CROSS_ATTENTION.matcher(module).matches()) {
        ModelFamily byWidth = byWidth(unet.base().info(module + ".weight").shape()[1]);
        return byWidth != null ? byWidth : SD1_OR_SD2;
      }
    }
    return null;
  }

  /** By the width of the text embeddings cross-attention reads. */
  private static @Nullable ModelFamily byWidth(long width) {
    return switch ((int) Math.min(width, Integer.MAX_VALUE)) {
      case 768 -> SD1;
      case 1024 -> SD2;
      case 2048 -> SDXL;
      default -> null;
    };
  }
}
