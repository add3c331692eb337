package io.github.lcm4j.onnx.export;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Modules that a network has wherever it has others: what a whole index must hold. */
final class ModuleSiblings {
  private static final Pattern TRANSFORMER_BLOCK =
      Pattern.compile("(.+\\.attentions\\.\\d+\\.)(transformer_blocks\\.\\d+\\.).+");
  private static final Pattern RESNET = Pattern.compile("(.+\\.resnets\\.\\d+\\.).+");
  private static final Pattern LAYER =
      Pattern.compile("(text_model\\.encoder\\.layers\\.)(\\d+)(\\.).+");

  private ModuleSiblings() {}

  /** Modules with weights that must be there if these are. */
  static Set<String> of(OnnxComponent component, Set<String> paths) {
    Set<String> required = new LinkedHashSet<>();
    boolean unet = component == OnnxComponent.UNET;
    required.addAll(
        unet
            ? List.of("conv_in", "time_embedding.linear_1", "time_embedding.linear_2", "conv_out")
            : List.of("text_model.embeddings.token_embedding"));
    if (!unet) {
      addLayer(required, "text_model.encoder.layers.0.");
    }
    for (String path : paths) {
      Matcher block = TRANSFORMER_BLOCK.matcher(path);
      Matcher resnet = RESNET.matcher(path);
      Matcher layer = LAYER.matcher(path);
      if (block.matches()) {
        addTransformer(required, block.group(1), block.group(1) + block.group(2));
      } else if (resnet.matches()) {
        for (String part : List.of("conv1", "conv2", "time_emb_proj")) {
          required.add(resnet.group(1) + part);
        }
      } else if (layer.matches()) {
        addLayer(required, layer.group(1) + layer.group(2) + ".");
      }
    }
    return required;
  }

  private static void addTransformer(Set<String> required, String transformer, String block) {
    required.add(transformer + "proj_in");
    required.add(transformer + "proj_out");
    for (String part :
        List.of(
            "attn1.to_q",
            "attn1.to_k",
            "attn1.to_v",
            "attn1.to_out.0",
            "attn2.to_q",
            "attn2.to_k",
            "attn2.to_v",
            "attn2.to_out.0",
            "ff.net.0.proj",
            "ff.net.2")) {
      required.add(block + part);
    }
  }

  private static void addLayer(Set<String> required, String layer) {
    for (String part :
        List.of(
            "self_attn.q_proj",
            "self_attn.k_proj",
            "self_attn.v_proj",
            "self_attn.out_proj",
            "mlp.fc1",
            "mlp.fc2")) {
      required.add(layer + part);
    }
  }
}
