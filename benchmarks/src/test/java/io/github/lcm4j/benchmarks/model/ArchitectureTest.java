package io.github.lcm4j.benchmarks.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** Parameter counts are those that diffusers and transformers report for the published models. */
class ArchitectureTest {
  private static final long VAE = 83_653_863;
  private static final long CLIP_L = 123_060_480;

  @Test
  void stableDiffusion15HasThePublishedParameters() {
    Architecture sd15 = Architecture.named("sd15");
    assertEquals(859_520_964, sd15.unet().parameters(), "unet");
    assertEquals(CLIP_L, sd15.textEncoders().get(0).parameters(), "text encoder");
    assertEquals(
        VAE, sd15.vaeDecoder().parameters() + sd15.vaeEncoder().parameters(), "autoencoder");
    assertEquals(512, sd15.nativeSize(), "native size");
  }

  @Test
  void sdxlHasThePublishedParameters() {
    Architecture sdxl = Architecture.named("sdxl");
    assertEquals(2_567_463_684L, sdxl.unet().parameters(), "unet");
    assertEquals(CLIP_L, sdxl.textEncoders().get(0).parameters(), "first text encoder");
    assertEquals(694_659_840, sdxl.textEncoders().get(1).parameters(), "second text encoder");
    assertEquals(
        VAE, sdxl.vaeDecoder().parameters() + sdxl.vaeEncoder().parameters(), "autoencoder");
    assertEquals(1024, sdxl.nativeSize(), "native size");
  }

  /**
   * As the published files of latent-consistency: 278 and 788 layers. The weights are those that
   * PyTorch counts in diffusers' networks.
   */
  @Test
  void lcmLoraTouchesThePublishedLayers() {
    Network sd15 = Architecture.named("sd15").unet();
    assertEquals(278, SyntheticLora.layers(sd15));
    assertEquals(857_006_080, SyntheticLora.touchedWeights(sd15));
    assertEquals(109_696_778_240L, SyntheticLora.foldingFlops(sd15, 64));
    Network sdxl = Architecture.named("sdxl").unet();
    assertEquals(788, SyntheticLora.layers(sdxl));
    assertEquals(2_558_566_400L, SyntheticLora.touchedWeights(sdxl));
  }
}
