package io.github.lcm4j.onnx;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lcm4j.ImageRequest;
import io.github.lcm4j.Images;
import io.github.lcm4j.InitImage;
import io.github.lcm4j.InpaintMask;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.stream.StreamSupport;

/** Recorded calls of diffusers' pipelines as requests. */
final class Calls {
  static final ObjectMapper MAPPER = new ObjectMapper();

  private Calls() {}

  /**
   * A request with a recorded call's arguments, by diffusers' names. The initial image and the mask
   * are those that all such calls were made with.
   */
  static ImageRequest request(JsonNode arguments, long seed) {
    ImageRequest request =
        ImageRequest.of(arguments.path("prompt").asText())
            .negativePrompt(text(arguments, "negative_prompt"))
            .steps(arguments.path("num_inference_steps").asInt())
            .guidanceScale(arguments.path("guidance_scale").asDouble())
            .size(arguments.path("width").asInt(), arguments.path("height").asInt())
            .count(arguments.path("num_images_per_prompt").asInt(1))
            .seed(seed);
    if (arguments.has("eta")) {
      request = request.eta(arguments.get("eta").asDouble());
    }
    if (arguments.has("original_inference_steps")) {
      request = request.originalInferenceSteps(arguments.get("original_inference_steps").asInt());
    }
    if (arguments.has("timesteps")) {
      request =
          request.timesteps(
              StreamSupport.stream(arguments.get("timesteps").spliterator(), false)
                  .mapToLong(JsonNode::asLong)
                  .toArray());
    }
    if (arguments.has("strength")) {
      InitImage init =
          InitImage.of(image("models/sd15/init.png"), arguments.get("strength").asDouble());
      if (arguments.has("mask_image")) {
        init = init.mask(InpaintMask.of(image("models/sd15/mask.png")));
      }
      request = request.initImage(init);
    }
    return request;
  }

  static BufferedImage image(String name) {
    try {
      return Images.read(Golden.path(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String text(JsonNode arguments, String name) {
    return arguments.has(name) ? arguments.get(name).asText() : null;
  }
}
