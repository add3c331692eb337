package io.github.lcm4j.spi;

import io.github.lcm4j.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A network that steers the UNet by a picture. */
public interface ControlNet {
  /** Channels of the picture it takes: 3, or 1 for grey. */
  int conditioningChannels();

  /**
   * One evaluation.
   *
   * @param input what the UNet is evaluated on, and the picture
   * @return what is to be added inside the UNet, scaled
   */
  Residuals predict(Input input);

  /**
   * What a ControlNet is evaluated on; all float32.
   *
   * @param sample scaled latents {@code [batch, latent_channels, height, width]}
   * @param timestep the timestep, the same for the whole batch
   * @param encoderHiddenStates text embeddings {@code [batch, length, cross_attention_dim]}
   * @param textEmbeds pooled embedding {@code [batch, projection_dim]}, or null
   * @param timeIds size conditioning {@code [batch, 6]}, or null
   * @param controlImage {@code [1, conditioning_channels, height × factor, width × factor]}, 0 to 1
   * @param conditioningScale what all residuals are multiplied with
   */
  record Input(
      Tensor sample,
      double timestep,
      Tensor encoderHiddenStates,
      @Nullable Tensor textEmbeds,
      @Nullable Tensor timeIds,
      Tensor controlImage,
      double conditioningScale) {}

  /**
   * What is to be added inside the UNet; new writable tensors.
   *
   * @param downBlocks to its skip connections, first to last
   * @param midBlock to what comes out of its middle
   */
  record Residuals(List<Tensor> downBlocks, Tensor midBlock) {}
}
