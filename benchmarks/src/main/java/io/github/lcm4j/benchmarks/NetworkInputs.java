package io.github.lcm4j.benchmarks;

import io.github.lcm4j.benchmarks.model.Architecture;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Random inputs of the right shapes for each network.
 *
 * @param inputIds one tokenized prompt
 * @param unet what the UNet takes
 * @param latents one picture's latents
 */
record NetworkInputs(Tensor inputIds, Unet.Input unet, Tensor latents) {
  private static final double TIMESTEP = 499;

  static NetworkInputs of(DiffusionModel model, Architecture architecture, int batch, int pixels) {
    TorchRandom random = new TorchRandom(0);
    int side = pixels / architecture.scaleFactor();
    int tokens = architecture.tokens();
    Tensor inputIds = inputIds(tokens);
    int width = 0;
    Tensor pooled = null;
    for (TextEncoder encoder : model.textEncoders()) {
      width += encoder.hiddenSize();
      pooled = encoder.encode(inputIds, 0, true).textEmbeds();
    }
    Unet unet = model.unet();
    int conditioned = unet.timeCondProjDim();
    boolean textTime = unet.usesTextTime();
    Unet.Input input =
        new Unet.Input(
            random.randn(batch, unet.inChannels(), side, side),
            TIMESTEP,
            random.randn(batch, tokens, width),
            conditioned > 0 ? random.randn(batch, conditioned) : null,
            textTime ? repeated(pooled, batch) : null,
            textTime ? timeIds(batch, pixels) : null,
            null,
            List.of(),
            false);
    return new NetworkInputs(
        inputIds, input, random.randn(1, architecture.latentChannels(), side, side));
  }

  private static Tensor inputIds(int tokens) {
    long[] ids = new long[tokens];
    for (int i = 0; i < tokens; i++) {
      ids[i] = 1 + i % 255;
    }
    return Tensor.of(ids, 1, tokens);
  }

  private static Tensor repeated(@Nullable Tensor row, int times) {
    if (row == null) {
      throw new IllegalStateException("the UNet needs pooled text embeddings, no encoder has them");
    }
    Tensor rows = Tensor.allocate(DType.FLOAT32, times, row.dimension(1));
    for (int i = 0; i < times; i++) {
      rows.rows(i, i + 1).buffer().put(row.buffer());
    }
    return rows;
  }

  /** Original size, crop and target size, as SDXL takes them. */
  private static Tensor timeIds(int batch, int pixels) {
    Tensor ids = Tensor.allocate(DType.FLOAT32, batch, 6);
    for (int row = 0; row < batch; row++) {
      ids.rows(row, row + 1).floats().put(new float[] {pixels, pixels, 0, 0, pixels, pixels});
    }
    return ids;
  }
}
