package io.github.lcm4j.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.lcm4j.Cancellation;
import io.github.lcm4j.GeneratedImage;
import io.github.lcm4j.ImageRequest;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.PipelineBuilder;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Previews that listeners ask for. */
class PreviewTest {
  private static PipelineBuilder builder() {
    return Pipeline.builder()
        .checkpoint(Golden.path("models/sd15-taesd"))
        .scheduler("lcm")
        .threads(1);
  }

  private static final ImageRequest REQUEST =
      ImageRequest.of("a red apple").steps(3).count(2).seed(5).size(64, 96);

  @Test
  void linearPreviewHasTheSizeOfTheLatents() throws IOException {
    List<BufferedImage> previews = new ArrayList<>();
    try (Pipeline pipeline = builder().build()) {
      pipeline.generate(REQUEST, step -> previews.add(step.preview(1)), new Cancellation());
    }
    assertEquals(3, previews.size());
    assertEquals(8, previews.get(0).getWidth());
    assertEquals(12, previews.get(0).getHeight());
  }

  /** The checkpoint's own autoencoder is a tiny one: the last preview must be the picture. */
  @Test
  void tinyAutoencoderDrawsTheLastStepAsThePicture() throws IOException {
    List<BufferedImage> previews = new ArrayList<>();
    List<GeneratedImage> images;
    try (Pipeline pipeline = builder().previewVae(Golden.path("models/sd15-taesd/vae")).build()) {
      images =
          pipeline.generate(REQUEST, step -> previews.add(step.preview(1)), new Cancellation());
    }
    BufferedImage picture = images.get(1).image();
    BufferedImage last = previews.get(2);
    for (int y = 0; y < picture.getHeight(); y++) {
      for (int x = 0; x < picture.getWidth(); x++) {
        assertEquals(picture.getRGB(x, y), last.getRGB(x, y), x + ", " + y);
      }
    }
  }
}
