package io.github.lcm4j.onnx.export;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The networks that are exported, each with the module names its torch class has. */
public enum OnnxComponent {
  /** diffusers' {@code UNet2DConditionModel}. */
  UNET(
      "UNet",
      "conv_in|conv_out|conv_norm_out|time_embedding\\.(?:linear_[12]|cond_proj)"
          + "|add_embedding\\.linear_[12]|class_embedding(?:\\.linear_[12])?|encoder_hid_proj"
          + "|(?:down_blocks\\.\\d+|mid_block|up_blocks\\.\\d+)\\."
          + "(?:resnets\\.\\d+\\.(?:norm[12]|conv[12]|time_emb_proj|conv_shortcut)"
          + "|attentions\\.\\d+\\.(?:norm|proj_in|proj_out"
          + "|transformer_blocks\\.\\d+\\.(?:norm[123]|attn[12]\\.(?:to_[qkv]|to_out\\.0)"
          + "|ff\\.net\\.(?:0\\.proj|2)))"
          + "|(?:down|up)samplers\\.0\\.conv)"),

  /** transformers' {@code CLIPTextModel} and {@code CLIPTextModelWithProjection}. */
  TEXT_ENCODER(
      "text encoder",
      "embeddings\\.(?:token|position)_embedding|final_layer_norm|text_projection"
          + "|encoder\\.layers\\.\\d+\\.(?:layer_norm[12]|self_attn\\.(?:q|k|v|out)_proj"
          + "|mlp\\.fc[12])"),

  /** The half of diffusers' {@code AutoencoderKL} that makes pictures. */
  VAE_DECODER("VAE decoder", "decoder\\..+|post_quant_conv"),

  /** The half of diffusers' {@code AutoencoderKL} that reads pictures. */
  VAE_ENCODER("VAE encoder", "encoder\\..+|quant_conv");

  private static final String TEXT_MODEL = "text_model.";

  private final String title;
  private final Pattern modules;

  OnnxComponent(String title, String modules) {
    this.title = title;
    this.modules = Pattern.compile("(?:^|\\.)(" + modules + ")$");
  }

  /** What to call it in messages. */
  String title() {
    return title;
  }

  /** Whether LoRA files change this network, so that every weight must be found. */
  boolean isFoldable() {
    return this == UNET || this == TEXT_ENCODER;
  }

  /**
   * The module's path in a published checkpoint, text encoders with {@code text_model.} in front.
   *
   * @param name a dotted name, perhaps inside other modules that were exported around the network
   * @return null if the network has no such module
   */
  @Nullable String modulePath(String name) {
    Matcher matcher = modules.matcher(name);
    if (!matcher.find()) {
      return null;
    }
    String path = matcher.group(1);
    return this == TEXT_ENCODER && !path.startsWith("text_projection") ? TEXT_MODEL + path : path;
  }
}
