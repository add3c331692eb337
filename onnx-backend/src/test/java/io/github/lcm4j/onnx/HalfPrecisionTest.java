package io.github.lcm4j.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.GeneratedImage;
import io.github.lcm4j.ImageRequest;
import io.github.lcm4j.InitImage;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.Precision;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.SafetensorsWriter;
import io.github.lcm4j.spi.ModelSpec;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Networks that compute in half precision against diffusers' float32 outputs: within 5e-3 relative,
 * and not equal to what float32 gives.
 */
class HalfPrecisionTest {
  private static final double TOLERANCE = 5e-3;

  static OrtModel load(Checkpoint checkpoint, List<LoraSpec> loras, Precision precision)
      throws IOException {
    return OrtModel.load(spec(checkpoint, loras, precision));
  }

  private static ModelSpec spec(Checkpoint checkpoint, List<LoraSpec> loras, Precision precision) {
    return new ModelSpec(
        checkpoint,
        loras,
        false,
        ExecutionProvider.CPU,
        1,
        Map.of(),
        List.of(),
        List.of(),
        null,
        false,
        precision);
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd15", "sd21-v", "sd15-taesd", "lcm-full", "sdxl", "ssd1b"})
  void networksAreCloseToFloat32(String name) throws IOException {
    Checkpoint checkpoint = Checkpoint.open(Golden.path("models/" + name));
    SafetensorsFile expected =
        SafetensorsFile.open(checkpoint.folder().resolve("expected.safetensors"));
    try (OrtModel half = load(checkpoint, List.of(), Precision.FLOAT16);
        OrtModel single = load(checkpoint, List.of(), Precision.FLOAT32)) {
      for (String size : List.of("square", "wide")) {
        String prefix = "unet/" + size + "/";
        Map<String, Tensor> inputs = UnetInputs.read(expected, prefix);
        assertClose(
            name + " " + prefix,
            expected.tensor(prefix + "out"),
            unet(half, inputs, expected.tensor(prefix + "out")),
            unet(single, inputs, expected.tensor(prefix + "out")));
      }
      for (int i = 0; i < half.textEncoders().size(); i++) {
        String prefix = i == 0 ? "text/" : "text2/";
        Tensor ids = expected.tensor(prefix + "input_ids").rows(0, 2);
        assertClose(
            name + " " + prefix,
            expected.tensor(prefix + "hidden_state_minus_2"),
            half.textEncoders().get(i).encode(ids, 1, false).hiddenState(),
            single.textEncoders().get(i).encode(ids, 1, false).hiddenState());
      }
      Tensor latent = expected.tensor("vae/latent");
      Tensor image = expected.tensor("vae/image");
      Tensor decoded = half.vaeDecoder().decode(latent);
      Tensor encoded = half.vaeEncoder().orElseThrow().encode(image);
      // SDXL's autoencoder is in float32 straight away.
      assertEquals(
          !checkpoint.components().containsKey("text_encoder_2"),
          half.float32VaeDecoder().isPresent());
      Tensor wanted = expected.tensor("vae/encoded");
      float[] mean = Arrays.copyOf(encoded.toFloatArray(), wanted.elementCount());
      Golden.assertClose(name + " decoded", expected.tensor("vae/decoded"), decoded, TOLERANCE);
      Golden.assertClose(name + " encoded", wanted, Tensor.of(mean, wanted.shape()), TOLERANCE);
    }
  }

  private static Tensor unet(OrtModel model, Map<String, Tensor> inputs, Tensor wanted) {
    Tensor found = Tensor.allocate(DType.FLOAT32, wanted.shape());
    model.network("unet").run(inputs, Map.of("out_sample", found));
    return found;
  }

  private static void assertClose(String what, Tensor expected, Tensor half, Tensor single) {
    Golden.assertClose(what, expected, half, TOLERANCE);
    assertFalse(Arrays.equals(half.toFloatArray(), single.toFloatArray()), what + ": is float32");
  }

  /** LoRAs are folded in float32 and rounded once. */
  @ParameterizedTest
  @CsvSource({"sd15,diffusers-lora", "sdxl,kohya-text-encoder"})
  void lorasAreFoldedIn(String name, String lora) throws IOException {
    Checkpoint checkpoint = Checkpoint.open(Golden.path("models/" + name));
    Path folder = Golden.path("lora/" + name);
    SafetensorsFile inputs =
        SafetensorsFile.open(checkpoint.folder().resolve("expected.safetensors"));
    List<LoraSpec> loras = List.of(LoraSpec.of(folder.resolve(lora + ".safetensors"), 1));
    try (OrtModel half = load(checkpoint, loras, Precision.FLOAT16);
        OrtModel single = load(checkpoint, loras, Precision.FLOAT32);
        OrtModel bare = load(checkpoint, List.of(), Precision.FLOAT16)) {
      String prefix = "unet/square/";
      Map<String, Tensor> given = UnetInputs.read(inputs, prefix);
      Tensor shape = inputs.tensor(prefix + "out");
      Tensor found = unet(half, given, shape);
      assertClose(name + " with LoRA", unet(single, given, shape), found, unet(bare, given, shape));
    }
  }

  /**
   * Where the UNet asks for it, attention is computed in float32. The CPU computes it so in any
   * case, hence only the graph tells.
   */
  @Test
  void attentionIsInFloat32WhereAskedFor(@TempDir Path folder) throws IOException {
    Path config = Golden.assemble(folder, "models/sd21-v", Map.of()).resolve("unet/config.json");
    String text = Files.readString(config);
    assertEquals(0, attentionsInFloat32(folder));
    Files.writeString(
        config, text.replace("\"upcast_attention\": false", "\"upcast_attention\": true"));
    assertTrue(attentionsInFloat32(folder) > 0);
    SafetensorsFile expected =
        SafetensorsFile.open(Golden.path("models/sd21-v/expected.safetensors"));
    Tensor wanted = expected.tensor("unet/square/out");
    try (OrtModel model = load(Checkpoint.open(folder), List.of(), Precision.FLOAT16)) {
      Tensor found = unet(model, UnetInputs.read(expected, "unet/square/"), wanted);
      Golden.assertClose("upcast", wanted, found, TOLERANCE);
    }
  }

  private static long attentionsInFloat32(Path folder) throws IOException {
    EmittedParts parts =
        EmittedParts.open(
            spec(Checkpoint.open(folder), List.of(), Precision.FLOAT16),
            OrtRuntime.of(ExecutionProvider.CPU, 1));
    List<NodeProto> nodes = parts.graph("unet").model().getGraph().getNodeList();
    Set<String> widened = new HashSet<>();
    for (NodeProto node : nodes) {
      if (node.getOpType().equals("Cast")
          && node.getAttribute(0).getI() == TensorProto.DataType.FLOAT_VALUE) {
        widened.add(node.getOutput(0));
      }
    }
    return nodes.stream()
        .filter(node -> node.getOpType().equals("MultiHeadAttention"))
        .filter(node -> widened.containsAll(node.getInputList()))
        .count();
  }

  /** The checkpoint whose VAE overflows, as overflow.py makes it. */
  private static Checkpoint overflowing(Path folder) throws IOException {
    Golden.assemble(folder, "models/sd15", Map.of());
    Path file = folder.resolve("vae/diffusion_pytorch_model.safetensors");
    SafetensorsFile weights = SafetensorsFile.open(file);
    Map<String, Tensor> scaled = new LinkedHashMap<>();
    for (String name : weights.names()) {
      Tensor tensor = weights.tensor(name).toFloat32().copy();
      float factor =
          name.matches(".*attentions\\.0\\.(to_v|value)\\..*")
              ? 0x1p17f
              : name.matches(".*attentions\\.0\\.(to_out\\.0|proj_attn)\\.weight") ? 0x1p-17f : 1;
      for (int i = 0; i < tensor.elementCount(); i++) {
        tensor.floats().put(i, tensor.floats().get(i) * factor);
      }
      scaled.put(name, tensor.cast(DType.FLOAT16));
    }
    Files.delete(file);
    SafetensorsWriter.write(file, scaled, Map.of());
    return Checkpoint.open(folder);
  }

  /** The same as a half-precision ONNX export. */
  private static Checkpoint overflowingExport(Path folder) throws IOException {
    return Checkpoint.open(
        Golden.assemble(
            folder,
            "onnx/sd15-torchscript",
            Map.of(
                "vae_decoder", "export/vae-half/vae_decoder",
                "vae_encoder", "export/vae-half/vae_encoder")));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void overflowingVaeIsThereInFloat32Too(boolean export, @TempDir Path folder) throws IOException {
    Checkpoint checkpoint = export ? overflowingExport(folder) : overflowing(folder);
    SafetensorsFile inputs = SafetensorsFile.open(Golden.path("models/sd15/expected.safetensors"));
    SafetensorsFile expected = SafetensorsFile.open(Golden.path("workflow/overflow.safetensors"));
    Tensor latent = inputs.tensor("vae/latent");
    Tensor image = inputs.tensor("vae/image");
    Precision precision = export ? Precision.FLOAT32 : Precision.FLOAT16;
    try (OrtModel model = load(checkpoint, List.of(), precision)) {
      assertFalse(isFinite(model.vaeDecoder().decode(latent)), "half precision overflows");
      assertFalse(
          isFinite(model.vaeEncoder().orElseThrow().encode(image)), "half precision overflows");
      Golden.assertClose(
          "decoded",
          expected.tensor("decoded"),
          model.float32VaeDecoder().orElseThrow().decode(latent),
          1e-4);
      Tensor wanted = expected.tensor("encoded");
      Tensor encoded = model.float32VaeEncoder().orElseThrow().encode(image);
      float[] mean = Arrays.copyOf(encoded.toFloatArray(), wanted.elementCount());
      Golden.assertClose("encoded", wanted, Tensor.of(mean, wanted.shape()), 1e-4);
    }
  }

  private static boolean isFinite(Tensor tensor) {
    for (float value : tensor.toFloatArray()) {
      if (!Float.isFinite(value)) {
        return false;
      }
    }
    return true;
  }

  @Test
  void overflowOfAnExportIsRunAgainAndSaid(@TempDir Path folder) throws IOException {
    overflowingExport(folder);
    try (Pipeline pipeline =
        Pipeline.builder().checkpoint(folder).scheduler("lcm").threads(1).build()) {
      GeneratedImage image =
          pipeline.generate(ImageRequest.of("a red apple").steps(1).size(64, 64)).get(0);
      assertEquals(
          List.of("the VAE's decoder overflowed in half precision and was run again in float32"),
          image.notes());
    }
  }

  @Test
  void exportsInFloat32AreAllThereIs() throws IOException {
    Checkpoint checkpoint = Checkpoint.open(Golden.path("onnx/sd15-torchscript"));
    try (OrtModel model = load(checkpoint, List.of(), Precision.FLOAT32)) {
      assertTrue(model.float32VaeDecoder().isEmpty());
      assertTrue(model.float32VaeEncoder().isEmpty());
    }
  }

  /** With and without low memory: the picture is that of the float32 VAE, and it is said. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void overflowIsRunAgainAndSaid(boolean lowMemory, @TempDir Path folder) throws IOException {
    Checkpoint checkpoint = overflowing(folder);
    ImageRequest request =
        ImageRequest.of("a red apple")
            .steps(2)
            .seed(3)
            .count(2)
            .initImage(InitImage.of(Calls.image("models/sd15/init.png"), 1));
    try (Pipeline pipeline =
            Pipeline.builder()
                .checkpoint(folder)
                .scheduler("lcm")
                .precision(Precision.FLOAT16)
                .lowMemory(lowMemory)
                .threads(1)
                .build();
        OrtModel single = load(checkpoint, List.of(), Precision.FLOAT32)) {
      List<GeneratedImage> images = pipeline.generate(request);
      assertEquals(2, images.size());
      for (GeneratedImage image : images) {
        assertEquals(
            List.of(
                "the VAE's encoder overflowed in half precision and was run again in float32",
                "the VAE's decoder overflowed in half precision and was run again in float32"),
            image.notes());
        Tensor picture = single.vaeDecoder().decode(scaled(image.latents()));
        int width = image.image().getWidth();
        for (int i = 0; i < width * width; i++) {
          float red = picture.floats().get(i);
          int expected = (int) Math.rint(Math.min(1, Math.max(0, red / 2 + 0.5f)) * 255f);
          assertEquals(expected, image.image().getRGB(i % width, i / width) >> 16 & 255, 0.0);
        }
      }
    }
  }

  private static Tensor scaled(Tensor latents) {
    Tensor result = latents.copy();
    float factor = 1 / 0.18215f;
    for (int i = 0; i < result.elementCount(); i++) {
      result.floats().put(i, result.floats().get(i) * factor);
    }
    return result;
  }

  @Test
  void picturesWithoutOverflowHaveNoNotes() throws IOException {
    try (Pipeline pipeline =
        Pipeline.builder()
            .checkpoint(Golden.path("models/sd15"))
            .precision(Precision.FLOAT16)
            .threads(1)
            .build()) {
      GeneratedImage image = pipeline.generate(ImageRequest.of("a red apple").steps(1)).get(0);
      assertEquals(List.of(), image.notes());
    }
  }

  @Test
  void exportsHaveThePrecisionTheyWereExportedIn() {
    UnsupportedOperationException error =
        assertThrows(
            UnsupportedOperationException.class,
            () ->
                Pipeline.builder()
                    .checkpoint(Golden.path("onnx/sd15-torchscript"))
                    .precision(Precision.FLOAT16)
                    .build());
    assertTrue(error.getMessage().contains("sd15-torchscript"), error.getMessage());
  }
}
