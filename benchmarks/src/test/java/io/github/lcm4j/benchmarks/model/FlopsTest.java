package io.github.lcm4j.benchmarks.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FlopsTest {
  /** A 3×3 convolution at half size, a linear layer on the text, a norm, and attention on both. */
  @Test
  void handComputedNetwork() {
    Network.Builder builder = new Network.Builder();
    builder.add(Layer.convolution("conv", 8, 4, 3, Site.pixels(1)));
    builder.add(Layer.linear("linear", 10, 6, true, Site.TOKENS));
    builder.add(Layer.norm("norm", 8, Site.pixels(0)));
    builder.add(new Attention(16, Site.pixels(1), Site.TOKENS));
    Network network = builder.build();

    // 5×6 latents halve to 3×3 = 9 positions; 7 tokens.
    long convolution = 2 * 8 * 4 * 9 * 9;
    long linear = 2 * 10 * 6 * 7;
    long attention = 2 * (2 * 16 * 9 * 7);
    assertEquals(convolution + linear + attention, network.flops(new Extent(1, 5, 6, 7)));
    assertEquals(3 * (convolution + linear + attention), network.flops(new Extent(3, 5, 6, 7)));
    assertEquals(8 * 4 * 9 + 8 + 10 * 6 + 10 + 8 + 8, network.parameters());
    // The largest layer is the linear one with (6 + 10) · 7 numbers, the convolution has (4 + 8) ·
    // 9.
    assertEquals(3 * 4 * 16 * 7, network.activationBytes(new Extent(1, 5, 6, 7)));
  }

  /** Doubling instead of halving, as a decoder does. */
  @Test
  void negativeLevelsDouble() {
    assertEquals(4 * 3 * 16, Site.pixels(-2).positions(new Extent(1, 4, 3, 7)));
  }

  /**
   * Expected: PyTorch 2.13's {@code torch.utils.flop_counter.FlopCounterMode} around diffusers
   * 0.40's UNet2DConditionModel of the same configuration on the meta device, 77 tokens. Exact.
   */
  @ParameterizedTest
  @CsvSource({
    "sd15, 64, 64, 1, 803273441280",
    "sd15, 128, 128, 1, 4674006220800",
    "sd15, 65, 70, 2, 1867584885760",
    "sdxl, 64, 64, 1, 1588778762240",
    "sdxl, 128, 128, 1, 6761236398080",
    "sdxl, 65, 70, 2, 3727107256320",
  })
  void unetAsPyTorchCounts(String name, int height, int width, int batch, long expected) {
    Architecture architecture = Architecture.named(name);
    assertEquals(expected, architecture.unet().flops(new Extent(batch, height, width, 77)));
  }

  /** Expected: the same counter around AutoencoderKL.decode of 64×64 latents. Exact. */
  @Test
  void decoderAsPyTorchCounts() {
    Network decoder = Architecture.named("sd15").vaeDecoder();
    assertEquals(2_514_518_933_504L, decoder.flops(new Extent(1, 64, 64, 77)));
  }
}
