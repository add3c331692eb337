package io.github.lcm4j.lora;

/**
 * A key of a LoRA file, taken apart.
 *
 * @param name the key as the file spells it
 * @param component the part of the checkpoint it is for: {@code unet}, {@code text_encoder} or
 *     {@code text_encoder_2}
 * @param module the module as the file spells it, without prefixes that say the component: with
 *     dots or with underscores, in diffusers' or in the original names
 * @param role what the tensor is to that module
 */
public record LoraKey(String name, String component, String module, LoraRole role) {}
