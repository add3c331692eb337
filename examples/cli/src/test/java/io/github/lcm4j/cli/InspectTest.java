package io.github.lcm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.CodedOutputStream;
import io.github.lcm4j.pocket.PocketModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectTest {
  @TempDir Path folder;

  @Test
  void checkpointShowsItsParts() throws IOException {
    assertSays(
        inspect(PocketModel.checkpoint()),
        "checkpoint folder of a StableDiffusionPipeline",
        "unet            UNet2DConditionModel",
        "channels 64-128-192, text width 192",
        "11.0M parameters in 326 tensors, F16, 22.0 MB (diffusion_pytorch_model.safetensors)",
        "text_encoder    CLIPTextModel",
        "hidden size 192, layers 3, tokens 32, vocabulary 2048",
        "vae             AutoencoderKL",
        "tokenizer       vocab.json and merges.txt",
        "DDIMScheduler, prediction_type epsilon, beta_schedule scaled_linear, beta_start 0.00085,");
  }

  @Test
  void loraShowsFormatRankAndAlpha() throws IOException {
    assertSays(
        inspect(PocketModel.lcmLora()),
        "2.8M parameters in 387 tensors, F16, 5.7 MB",
        "metadata ss_network_dim: 32",
        "LoRA, kohya's keys",
        "changes 129 modules of unet",
        "rank 32 (129 modules); 48 of them convolutions",
        "alpha 16.0 (129 modules)");
  }

  @Test
  void otherWeightsAreNoLora() throws IOException {
    assertSays(
        inspect(PocketModel.checkpoint().resolve("vae/diffusion_pytorch_model.safetensors")),
        "1.7M parameters in 156 tensors",
        "not a LoRA");
  }

  @Test
  void onnxModelShowsItsInputs() throws URISyntaxException {
    assertSays(
        inspect(Path.of(InspectTest.class.getResource("onnx/vae-encoder.onnx").toURI())),
        "ONNX model by pytorch 2.13.0, opset ai.onnx 17, 347 nodes",
        "26,288 elements in 74 initializers (74 float32)",
        "input sample float32[batch_size, 3, height, width]",
        "output latent_parameters float32[");
  }

  /** Packed extents, half precision, weights beside the file: written here field by field. */
  @Test
  void onnxWeightsBesideTheFileAreCounted() throws IOException {
    byte[] extents =
        message(
            out -> {
              out.writeInt64NoTag(300);
              out.writeInt64NoTag(20);
            });
    byte[] tensor =
        message(
            out -> {
              out.writeByteArray(1, extents);
              out.writeInt32(2, 10); // FLOAT16
              out.writeString(8, "weight");
              out.writeEnum(14, 1); // EXTERNAL
            });
    byte[] graph = message(out -> out.writeByteArray(5, tensor));
    byte[] opset = message(out -> out.writeInt64(2, 18));
    Path file =
        Files.write(
            folder.resolve("model.onnx"),
            message(
                out -> {
                  out.writeByteArray(8, opset);
                  out.writeByteArray(7, graph);
                }));
    assertSays(
        inspect(file),
        "model.onnx: ONNX model, opset ai.onnx 18, 0 nodes",
        "6,000 elements in 1 initializers (1 float16), 1 of them in files beside it");
  }

  @Test
  void fileThatIsNoOnnxModelIsRefused() throws IOException {
    for (String content : new String[] {"", "no model at all", "\u0008\u0007"}) {
      Path file = Files.writeString(folder.resolve("model.onnx"), content);
      Invocation run = Invocation.of("inspect", file.toString());
      assertEquals(1, run.exitCode(), content);
      assertEquals(1, run.err().lines().count(), run.err());
      assertTrue(run.err().contains(file + " is not an ONNX model"), run.err());
    }
  }

  @Test
  void damagedWeightsAreRefused() throws IOException {
    Path file = Files.write(folder.resolve("x.safetensors"), new byte[] {1, 2, 3});
    Invocation run = Invocation.of("inspect", file.toString());
    assertEquals(1, run.exitCode());
    assertEquals(1, run.err().lines().count(), run.err());
    assertTrue(run.err().contains(file.toString()), run.err());
  }

  @FunctionalInterface
  private interface Fields {
    void write(CodedOutputStream out) throws IOException;
  }

  private static byte[] message(Fields fields) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    fields.write(out);
    out.flush();
    return bytes.toByteArray();
  }

  private static String inspect(Path path) {
    Invocation run = Invocation.of("inspect", path.toString());
    assertEquals(0, run.exitCode(), run.err());
    assertEquals("", run.err());
    return run.out();
  }

  private static void assertSays(String text, String... expected) {
    for (String line : expected) {
      assertTrue(text.contains(line), "'%s' is missing from:%n%s".formatted(line, text));
    }
  }
}
