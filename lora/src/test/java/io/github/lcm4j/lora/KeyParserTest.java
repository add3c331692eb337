package io.github.lcm4j.lora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KeyParserTest {
  @ParameterizedTest
  @CsvSource({
    "lora_unet_mid_block_attn1_to_q.lora_up.weight, unet, mid_block_attn1_to_q, UP",
    "lora_unet_x.lora_A.default.weight, unet, x, DOWN",
    "lora_unet_x.hada_w1_a, unet, x, HADA_W1_A",
    "lora_unet_x.lokr_t2, unet, x, LOKR_T2",
    "lora_unet_x.dora_scale, unet, x, MAGNITUDE",
    "lora_unet_x.diff_b, unet, x, DIFF_BIAS",
    "lora_te_text_model_encoder.alpha, text_encoder, text_model_encoder, ALPHA",
    "lora_te1_x.lora_mid.weight, text_encoder, x, MID",
    "lora_te2_text_projection.lora_down.weight, text_encoder_2, text_projection, DOWN",
    "lycoris_x.lokr_w1, unet, x, LOKR_W1",
    "unet.a.attn1.processor.to_q_lora.down.weight, unet, a.attn1.to_q, DOWN",
    "a.attn1.processor.to_out_lora.up.weight, unet, a.attn1.to_out, UP",
    "unet.a.to_out.0.lora.up.weight, unet, a.to_out.0, UP",
    "unet.a.to_q.lora_B.bias, unet, a.to_q, UP_BIAS",
    "unet.a.to_q.lora.alpha, unet, a.to_q, ALPHA",
    "unet.a.to_q_lora.alpha, unet, a.to_q, ALPHA",
    "base_model.model.a.to_q.lora_magnitude_vector.default.weight, unet, a.to_q, MAGNITUDE",
    "base_model.model.unet.a.to_q.lora_B.weight, unet, a.to_q, UP",
    "unet.base_model.model.a.to_q.lora_B.my_adapter.weight, unet, a.to_q, UP",
    "base_model.model.a.to_q.hada_w2_b.default, unet, a.to_q, HADA_W2_B",
    "base_model.model.text_model.encoder.q_proj.lora_A.weight, text_encoder, text_model.encoder.q_proj, DOWN",
    "text_encoder.text_model.q_proj.lora_linear_layer.up.weight, text_encoder, text_model.q_proj, UP",
    "text_encoder_2.text_model.to_k_lora.up.weight, text_encoder_2, text_model.to_k, UP",
    "model.diffusion_model.input_blocks.0.0.lora_A.weight, unet, input_blocks.0.0, DOWN",
    "diffusion_model.out.2.lora_down.weight, unet, out.2, DOWN"
  })
  void takesKeysApart(String name, String component, String module, LoraRole role) {
    assertEquals(new LoraKey(name, component, module, role), KeyParser.parse(name));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "conv_in.weight",
        "lora_up.weight",
        "alpha",
        "weight",
        "",
        "unet.a.up.weight",
        "unet.a.to_q.lora_A.bias",
        "lora_unet_x.oft_blocks",
        "lora_unet_x.a1.weight",
        "bundle_emb.name.string_to_param.*"
      })
  void knowsWhatIsNoKeyOfALora(String name) {
    assertNull(KeyParser.parse(name));
    String description = KeyParser.describeUnknown(name);
    assertTrue(description.startsWith("is ") || description.startsWith("belongs to "));
  }
}
