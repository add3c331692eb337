package io.github.lcm4j.onnx.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.lora.LoraMerger;
import io.github.lcm4j.lora.MergeRequest;
import io.github.lcm4j.lora.MergedWeights;
import io.github.lcm4j.onnx.OnnxExporter;
import io.github.lcm4j.onnx.export.Exports.Golden;
import io.github.lcm4j.safetensors.SafetensorsWriter;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Merging into exports that hold their weights in unusual ways, against merging into what is read
 * from them.
 */
class RewriteTest {
  private static final Golden EXPORT = new Golden("sd15-torchscript", "unet");

  @TempDir Path folder;

  private OnnxWeights merged(ModelEditor editor, LoraSpec lora) throws IOException {
    Path base = folder.resolve("base");
    Path original = EXPORT.file().getParent().getParent();
    try (Stream<Path> files = Files.walk(original)) {
      for (Path file : files.toList()) {
        Files.copy(file, base.resolve(original.relativize(file).toString()));
      }
    }
    Path unet = base.resolve("unet/model.onnx");
    Files.delete(unet);
    editor.write(unet);
    OnnxWeights pristine = OnnxExport.open(unet, OnnxComponent.UNET).weights();
    MergedWeights expected =
        LoraMerger.builder()
            .lenient(true)
            .build()
            .merge(Map.of("unet", pristine), List.of(lora))
            .component("unet");
    assertFalse(expected.touched().isEmpty());

    Path target = folder.resolve("merged");
    OnnxExporter.write(MergeRequest.of(base).lora(lora), target);
    OnnxWeights found =
        OnnxExport.open(target.resolve("unet/model.onnx"), OnnxComponent.UNET).weights();
    assertEquals(pristine.names(), found.names());
    for (String name : pristine.names()) {
      assertEquals(expected.tensor(name).buffer(), found.tensor(name).buffer(), name);
    }
    return found;
  }

  private static LoraSpec lora(String name) {
    return LoraSpec.of(Exports.path("lora/sd15/" + name + ".safetensors"));
  }

  @Test
  void constantNodes() throws IOException {
    merged(new ModelEditor(EXPORT.file()).withConstantNodes(), lora("kohya-lcm"));
  }

  @Test
  void protobufNumbers() throws IOException {
    merged(new ModelEditor(EXPORT.file()).withTypedData(), lora("kohya-lcm"));
  }

  @Test
  void initializersAmongTheInputs() throws IOException {
    merged(new ModelEditor(EXPORT.file()).withInitializersAsInputs(), lora("kohya-lcm"));
  }

  /** Parameters with equal contents share one constant; one of them changes. */
  @Test
  void sharedConstants() throws IOException {
    String module = "lora_unet_down_blocks_0_resnets_1_conv1";
    float[] weight = new float[8 * 8 * 3 * 3];
    for (int i = 0; i < weight.length; i++) {
      weight[i] = i + 1;
    }
    Path file = folder.resolve("lora.safetensors");
    SafetensorsWriter.write(
        file,
        Map.of(
            module + ".diff", Tensor.of(weight, 8, 8, 3, 3),
            module + ".diff_b", Tensor.of(new float[] {1, 2, 3, 4, 5, 6, 7, 8}, 8)),
        Map.of());
    ModelEditor editor =
        new ModelEditor(EXPORT.file()).zeroed(name -> name.contains(".conv1.")).deduplicated();
    merged(editor, LoraSpec.of(file));
  }
}
