package io.github.lcm4j.lora;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Takes the keys of every LoRA naming apart: kohya and LyCORIS ({@code lora_unet_…lora_up.weight}),
 * diffusers' three generations ({@code ….processor.to_q_lora.up.weight}, {@code
 * ….to_q.lora.up.weight}, {@code ….to_q.lora_B.weight}) and PEFT's own files ({@code
 * base_model.model.….lora_B.default.weight}). Each key is read by itself, so a file may mix them.
 */
final class KeyParser {
  private static final Map<String, LoraRole> TOKENS = tokens();

  /** Roles whose token PEFT follows with the adapter's name. */
  private static final List<String> WITH_ADAPTER_NAME = List.of("lora_", "hada_", "lokr_");

  private static final Map<String, String> KOHYA_PREFIXES =
      Map.of(
          "lora_unet_", "unet",
          "lycoris_", "unet",
          "lora_te_", "text_encoder",
          "lora_te1_", "text_encoder",
          "lora_te2_", "text_encoder_2");

  private static final Map<String, String> DOTTED_PREFIXES =
      Map.of(
          "unet.", "unet",
          "diffusion_model.", "unet",
          "model.diffusion_model.", "unet",
          "text_encoder.", "text_encoder",
          "text_encoder_2.", "text_encoder_2");

  /** Wrappers that say nothing about the component. */
  private static final List<String> WRAPPERS = List.of("base_model.model.", "_orig_mod.");

  /** Formats that change a weight in a way lcm4j does not compute, by a token of theirs. */
  private static final Map<String, String> UNSUPPORTED =
      Map.ofEntries(
          Map.entry("oft_blocks", "OFT/BOFT"),
          Map.entry("oft_diag", "OFT"),
          Map.entry("oft_R", "OFT"),
          Map.entry("rescale", "OFT/BOFT"),
          Map.entry("on_input", "(IA)³"),
          Map.entry("ia3_l", "(IA)³"),
          Map.entry("a1", "GLoRA"),
          Map.entry("a2", "GLoRA"),
          Map.entry("b1", "GLoRA"),
          Map.entry("b2", "GLoRA"),
          Map.entry("bm", "GLoRA"),
          Map.entry("reshape_weight", "a LoRA that enlarges the weight"),
          Map.entry("set_weight", "a file that replaces weights"));

  private KeyParser() {}

  private static Map<String, LoraRole> tokens() {
    Map<String, LoraRole> tokens = new HashMap<>();
    for (LoraRole role : LoraRole.values()) {
      String name = role.name().toLowerCase(Locale.ROOT);
      if (name.startsWith("hada_") || name.startsWith("lokr_")) {
        tokens.put(name, role);
      }
    }
    tokens.put("lora_down", LoraRole.DOWN);
    tokens.put("lora_A", LoraRole.DOWN);
    tokens.put("lora_up", LoraRole.UP);
    tokens.put("lora_B", LoraRole.UP);
    tokens.put("lora_mid", LoraRole.MID);
    tokens.put("lora_magnitude_vector", LoraRole.MAGNITUDE);
    tokens.put("dora_scale", LoraRole.MAGNITUDE);
    tokens.put("diff", LoraRole.DIFF);
    tokens.put("w_norm", LoraRole.DIFF);
    tokens.put("diff_b", LoraRole.DIFF_BIAS);
    tokens.put("b_norm", LoraRole.DIFF_BIAS);
    tokens.put("alpha", LoraRole.ALPHA);
    return tokens;
  }

  /** The key's parts, or null if it is not a key of a LoRA format lcm4j folds. */
  static @Nullable LoraKey parse(String key) {
    String[] segments = key.split("\\.", -1);
    int end = segments.length;
    boolean bias = segments[end - 1].equals("bias");
    if (bias || segments[end - 1].equals("weight")) {
      end--;
    }
    if (end < 2) {
      return null;
    }
    String token = segments[end - 1];
    String before = segments[end - 2];
    LoraRole role;
    String module;
    if (token.equals("up") || token.equals("down")) {
      role = token.equals("up") ? LoraRole.UP : LoraRole.DOWN;
      module = withoutLoraSuffix(segments, end - 1);
      if (module == null) {
        return null;
      }
    } else if (TOKENS.containsKey(token)) {
      role = TOKENS.get(token);
      module = join(segments, end - 1);
      if (role == LoraRole.ALPHA) {
        String shorter = withoutLoraSuffix(segments, end - 1);
        module = shorter == null ? module : shorter;
      }
    } else if (TOKENS.containsKey(before)
        && WITH_ADAPTER_NAME.stream().anyMatch(before::startsWith)) {
      role = TOKENS.get(before);
      module = join(segments, end - 2);
    } else {
      return null;
    }
    if (bias) {
      if (role != LoraRole.UP) {
        return null;
      }
      role = LoraRole.UP_BIAS;
    }
    return module.isEmpty() ? null : withComponent(key, module, role);
  }

  /** What kind of file has such a key, for keys that {@link #parse} does not know. */
  static String describeUnknown(String key) {
    String[] segments = key.split("\\.", -1);
    for (int i = segments.length - 1; i >= Math.max(0, segments.length - 2); i--) {
      String format = UNSUPPORTED.get(segments[i]);
      if (format != null) {
        return "belongs to " + format + ", which cannot be folded as a LoRA";
      }
    }
    if (key.startsWith("bundle_emb.")) {
      return "is a textual inversion bundled with the LoRA, which is not supported";
    }
    return "is not a key of any LoRA format (LoRA, LoCon, LoHa, LoKr, DoRA, whole differences)";
  }

  /** Joins segments up to {@code end}, whose last says {@code lora}; null if it does not. */
  private static @Nullable String withoutLoraSuffix(String[] segments, int end) {
    String last = segments[end - 1];
    if (last.equals("lora") || last.equals("lora_linear_layer")) {
      return join(segments, end - 1);
    }
    if (last.endsWith("_lora")) {
      String[] copy = segments.clone();
      copy[end - 1] = last.substring(0, last.length() - "_lora".length());
      return join(copy, end);
    }
    return null;
  }

  /** Joins with dots, leaving out the attention processors older files name. */
  private static String join(String[] segments, int end) {
    return String.join(
        ".",
        Arrays.stream(segments, 0, end).filter(segment -> !segment.equals("processor")).toList());
  }

  private static LoraKey withComponent(String key, String path, LoraRole role) {
    for (Map.Entry<String, String> prefix : KOHYA_PREFIXES.entrySet()) {
      if (path.startsWith(prefix.getKey())) {
        return new LoraKey(key, prefix.getValue(), path.substring(prefix.getKey().length()), role);
      }
    }
    String module = path;
    String component = null;
    boolean stripped = true;
    while (stripped) {
      stripped = false;
      for (String wrapper : WRAPPERS) {
        if (module.startsWith(wrapper)) {
          module = module.substring(wrapper.length());
          stripped = true;
        }
      }
      if (component == null) {
        for (Map.Entry<String, String> prefix : DOTTED_PREFIXES.entrySet()) {
          if (module.startsWith(prefix.getKey())) {
            module = module.substring(prefix.getKey().length());
            component = prefix.getValue();
            stripped = true;
            break;
          }
        }
      }
    }
    if (component == null) {
      component = looksLikeTextEncoder(module) ? "text_encoder" : "unet";
    }
    return new LoraKey(key, component, module, role);
  }

  private static boolean looksLikeTextEncoder(String module) {
    return module.startsWith("text_model.")
        || module.startsWith("encoder.layers.")
        || module.startsWith("text_projection");
  }
}
