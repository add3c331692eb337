package io.github.lcm4j.onnx.export;

import io.github.lcm4j.checkpoint.CheckpointException;
import org.jspecify.annotations.Nullable;

/**
 * How to drive an exported UNet.
 *
 * @param sample latents {@code [batch, in_channels, height, width]}
 * @param timestep a whole or floating-point number, a scalar or one per sample of the batch or one
 *     for all: see its axes
 * @param encoderHiddenStates text embeddings {@code [batch, length, cross_attention_dim]}
 * @param timestepCond guidance embedding of a full LCM {@code [batch, time_cond_proj_dim]}, or null
 * @param textEmbeds SDXL's pooled embedding {@code [batch, projection_dim]}, or null
 * @param timeIds SDXL's size conditioning {@code [batch, 6]}, or null
 * @param output the prediction {@code [batch, out_channels, height, width]}
 */
public record UnetPorts(
    Port sample,
    Port timestep,
    Port encoderHiddenStates,
    @Nullable Port timestepCond,
    @Nullable Port textEmbeds,
    @Nullable Port timeIds,
    Port output) {

  static UnetPorts of(OnnxExport export) throws CheckpointException {
    PortFinder inputs = PortFinder.inputs(export);
    Port sample = inputs.named("sample", "latent_sample", "latents", "latent_model_input", "x");
    Port timestep = inputs.named("timestep", "timesteps", "t");
    Port hiddenStates = inputs.named("encoder_hidden_states", "prompt_embeds", "context");
    Port timestepCond = inputs.named("timestep_cond");
    Port textEmbeds = inputs.named("text_embeds");
    Port timeIds = inputs.named("time_ids");
    // Exporters that were given no names call them input.1, onnx::Cast_2 and the like.
    sample = sample == null ? inputs.floating(4) : sample;
    hiddenStates = hiddenStates == null ? inputs.floating(3) : hiddenStates;
    timestep = timestep == null ? inputs.take(port -> port.rank() <= 1) : timestep;
    if (timeIds == null) {
      timeIds = inputs.take(port -> port.rank() == 2 && port.axes().get(1).extent() == 6);
      textEmbeds = textEmbeds == null && timeIds != null ? inputs.floating(2) : textEmbeds;
    }
    timestepCond = timestepCond == null ? inputs.floating(2) : timestepCond;
    UnetPorts ports =
        new UnetPorts(
            inputs.require(sample, "sample"),
            inputs.require(timestep, "timestep"),
            inputs.require(hiddenStates, "encoder_hidden_states"),
            timestepCond,
            textEmbeds,
            timeIds,
            output(export));
    inputs.requireNoneLeft();
    return ports;
  }

  private static Port output(OnnxExport export) throws CheckpointException {
    PortFinder outputs = PortFinder.outputs(export);
    return outputs.require(outputs.floating(4), "out_sample");
  }
}
