package io.github.lcm4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.spi.VaeDecoder;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** From latents to pixels without a network. */
class LatentPicturesTest {
  private static final LatentSpace SPACE =
      new LatentSpace(4, 8, new float[4], new float[] {1, 1, 1, 1}, 64, 64, 64);

  /** Latents of two cells; the second is ten times the first and so out of range. */
  private static final Tensor LATENTS =
      Tensor.of(new float[] {0.5f, 5, -0.25f, -2.5f, 1, 10, 0.1f, 1}, 1, 4, 1, 2);

  @Test
  void linearPreviewFollowsItsFactors() {
    BufferedImage sd = LinearPreview.sd().render(LATENTS);
    // Red: 0.298·0.5 − 0.187·0.25 − 0.158·1 − 0.184·0.1 = −0.07415, of −1…1; the others likewise.
    assertEquals(pixel(118, 152, 163), sd.getRGB(0, 0));
    assertEquals(pixel(33, 255, 255), sd.getRGB(1, 0));
    BufferedImage sdxl = LinearPreview.sdxl().render(LATENTS);
    // Red: 150 + 60·0.5 + 60·0.25 + 25·1 − 70·0.1 = 213.
    assertEquals(pixel(213, 181, 149), sdxl.getRGB(0, 0));
    assertEquals(pixel(255, 255, 255), sdxl.getRGB(1, 0));
  }

  /** A decoder that is linear itself, with another bias a colour, is found again. */
  @Test
  void fittedPreviewFindsTheMapOfTheDecoder() {
    int channels = 5;
    FittedPreview preview =
        new FittedPreview(
            channels,
            latents -> {
              assertEquals(channels, latents.dimension(1));
              int side = (int) latents.dimension(2) * 2;
              Tensor picture = Tensor.allocate(DType.FLOAT32, 1, 3, side, side);
              for (int i = 0; i < picture.elementCount(); i++) {
                int cell = i / side % side / 2 * (side / 2) + i % side / 2;
                int colour = i / side / side;
                float sum = colour * 0.1f;
                for (int channel = 0; channel < channels; channel++) {
                  float value = latents.floats().get(channel * side * side / 4 + cell);
                  sum += value * 0.01f * (channel + colour);
                }
                picture.floats().put(i, sum);
              }
              return picture;
            });
    Tensor latents = Tensor.of(new float[] {1, -2, 3, 0, 5}, 1, channels, 1, 1);
    // Red: 127.5·(1 + 0.01·(−2·1 + 3·2 + 5·4)) = 158.1; green: 127.5·(1.1 + 0.01·31) = 179.8;
    // blue: 127.5·(1.2 + 0.01·38) = 201.45.
    assertEquals(pixel(158, 180, 201), preview.render(latents).getRGB(0, 0));
  }

  private static int pixel(int red, int green, int blue) {
    return 0xff000000 | red << 16 | green << 8 | blue;
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void overflowOfTheVaeIsSaid(float value) {
    VaeDecoder overflowing =
        new VaeDecoder() {
          @Override
          public int scaleFactor() {
            return 8;
          }

          @Override
          public Tensor decode(Tensor latents) {
            Tensor picture = Tensor.allocate(DType.FLOAT32, 1, 3, 8, 8);
            picture.floats().put(100, value);
            return picture;
          }
        };
    LatentDecoder decoder = new LatentDecoder(SPACE, overflowing);
    Tensor latents = Tensor.allocate(DType.FLOAT32, 1, 4, 1, 1);
    InferenceException error =
        assertThrows(InferenceException.class, () -> decoder.decode(latents));
    assertTrue(error.getMessage().contains("half precision"), error.getMessage());
    assertTrue(error.getMessage().contains(Float.toString(value)), error.getMessage());
  }
}
