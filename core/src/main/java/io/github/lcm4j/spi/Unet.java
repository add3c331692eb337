package io.github.lcm4j.spi;

import io.github.lcm4j.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The conditional UNet that predicts noise, velocity or the clean sample. */
public interface Unet {
  /** Channels of its input: 4, or 9 for inpainting. */
  int inChannels();

  /** Width of the guidance embedding of a full LCM ({@code time_cond_proj_dim}); 0 if none. */
  int timeCondProjDim();

  /** Whether it takes SDXL's pooled embeddings and size conditioning. */
  boolean usesTextTime();

  /**
   * One evaluation.
   *
   * @param input the conditioned input
   * @return the prediction, float32 {@code [batch, out_channels, height, width]}
   */
  Tensor predict(Input input);

  /**
   * What the UNet is evaluated on; all float32.
   *
   * @param sample scaled latents {@code [batch, in_channels, height, width]}
   * @param timestep the timestep, the same for the whole batch
   * @param encoderHiddenStates text embeddings {@code [batch, length, cross_attention_dim]}
   * @param timestepCond guidance embedding {@code [batch, time_cond_proj_dim]}, or null
   * @param textEmbeds pooled embedding {@code [batch, projection_dim]}, or null
   * @param timeIds size conditioning {@code [batch, 6]}, or null
   * @param residuals what ControlNets add inside, or null
   * @param adapterFeatures what T2I-Adapters add inside, {@code [1, channels, …]} in the order of
   *     the down blocks; empty for nothing
   * @param last whether no other evaluation follows for this picture, so that memory which only
   *     evaluations need may be let go
   */
  record Input(
      Tensor sample,
      double timestep,
      Tensor encoderHiddenStates,
      @Nullable Tensor timestepCond,
      @Nullable Tensor textEmbeds,
      @Nullable Tensor timeIds,
      ControlNet.@Nullable Residuals residuals,
      List<Tensor> adapterFeatures,
      boolean last) {}
}
