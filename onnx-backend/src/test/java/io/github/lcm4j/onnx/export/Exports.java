package io.github.lcm4j.onnx.export;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.fail;

import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The exports among the reference data and what is known about them. */
final class Exports {
  private Exports() {}

  /**
   * An export of a network of a golden model.
   *
   * @param name folder under {@code golden/onnx}
   * @param part the network's folder
   */
  record Golden(String name, String part) {
    Path file() {
      return path("onnx/" + name + "/" + part + "/model.onnx");
    }

    String model() {
      return name.substring(0, name.indexOf('-'));
    }

    boolean isHalf() {
      return name.endsWith("-fp16");
    }

    OnnxComponent component() {
      return switch (part) {
        case "unet" -> OnnxComponent.UNET;
        case "vae_decoder" -> OnnxComponent.VAE_DECODER;
        case "vae_encoder" -> OnnxComponent.VAE_ENCODER;
        default -> OnnxComponent.TEXT_ENCODER;
      };
    }

    OnnxExport open() throws IOException {
      return OnnxExport.open(file(), component());
    }

    /** The parameters of the model it was made from, under the names an index gives them. */
    Map<String, Tensor> truth() throws IOException {
      String folder = part.startsWith("vae") ? "vae" : part;
      Path checkpoint = path("models/" + model() + "/" + folder);
      Path file = checkpoint.resolve("diffusion_pytorch_model.safetensors");
      SafetensorsFile weights =
          SafetensorsFile.open(Files.exists(file) ? file : checkpoint.resolve("model.safetensors"));
      Map<String, Tensor> truth = new LinkedHashMap<>();
      for (String name : weights.names()) {
        String known = indexName(name);
        if (known != null) {
          truth.put(known, weights.tensor(name));
        }
      }
      return truth;
    }

    private String indexName(String name) {
      return switch (component()) {
        case UNET -> name;
        case TEXT_ENCODER ->
            name.endsWith("position_ids")
                ? null
                : name.startsWith("text_") ? name : "text_model." + name;
        case VAE_DECODER ->
            name.startsWith("decoder") || name.startsWith("post_quant") ? modern(name) : null;
        case VAE_ENCODER ->
            name.startsWith("encoder") || name.startsWith("quant") ? modern(name) : null;
      };
    }

    /** The names that diffusers gives the attention of an old autoencoder when it loads it. */
    private static String modern(String name) {
      return name.replace(".query.", ".to_q.")
          .replace(".key.", ".to_k.")
          .replace(".value.", ".to_v.")
          .replace(".proj_attn.", ".to_out.0.");
    }

    @Override
    public String toString() {
      return name + "/" + part;
    }
  }

  static List<Golden> all() {
    return List.of(
        new Golden("sd15-torchscript", "unet"),
        new Golden("sd15-torchscript", "text_encoder"),
        new Golden("sd15-torchscript", "vae_decoder"),
        new Golden("sd15-torchscript", "vae_encoder"),
        new Golden("sd15-external", "unet"),
        new Golden("sd15-fp16", "unet"),
        new Golden("sd15-dynamo", "unet"),
        new Golden("sdxl-torchscript", "unet"),
        new Golden("sdxl-torchscript", "text_encoder"),
        new Golden("sdxl-torchscript", "text_encoder_2"),
        new Golden("sdxl-torchscript", "vae_decoder"),
        new Golden("sdxl-torchscript", "vae_encoder"),
        new Golden("sdxl-external", "unet"),
        new Golden("sdxl-fp16", "unet"),
        new Golden("sdxl-dynamo", "unet"));
  }

  static List<Golden> unets() {
    return all().stream().filter(golden -> golden.component() == OnnxComponent.UNET).toList();
  }

  static List<Golden> textEncoders() {
    return all().stream()
        .filter(golden -> golden.component() == OnnxComponent.TEXT_ENCODER)
        .toList();
  }

  /** The networks that LoRA files change. */
  static List<Golden> foldable() {
    return all().stream().filter(golden -> golden.component().isFoldable()).toList();
  }

  static Path path(String name) {
    return io.github.lcm4j.onnx.Golden.path(name);
  }

  /** Fails unless every parameter of a network is there, and no other, with the same values. */
  static void assertSameWeights(OnnxWeights weights, Map<String, Tensor> truth) {
    List<String> missing = truth.keySet().stream().filter(name -> !weights.contains(name)).toList();
    List<String> unknown =
        weights.names().stream().filter(name -> !truth.containsKey(name)).toList();
    if (!missing.isEmpty() || !unknown.isEmpty()) {
      fail(
          "%s: %d parameters not found: %s; %d that the model does not have: %s"
              .formatted(weights.description(), missing.size(), missing, unknown.size(), unknown));
    }
    truth.forEach((name, expected) -> assertSame(name, expected, weights.tensor(name)));
  }

  /** Half-precision tensors must be the rounded values, others the values themselves. */
  private static void assertSame(String name, Tensor expected, Tensor found) {
    assertArrayEquals(expected.shape(), found.shape(), name + ": shape");
    DType dtype = found.dtype();
    assertArrayEquals(expected.cast(dtype).toFloatArray(), found.toFloatArray(), name);
  }

  static void assertClose(String what, Tensor expected, Tensor found, double tolerance) {
    io.github.lcm4j.onnx.Golden.assertClose(what, expected, found, tolerance);
  }
}
