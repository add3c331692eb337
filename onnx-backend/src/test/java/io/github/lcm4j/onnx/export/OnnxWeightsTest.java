package io.github.lcm4j.onnx.export;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.onnx.export.Exports.Golden;
import io.github.lcm4j.safetensors.TensorInfo;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.NoSuchElementException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every parameter of the exports among the reference data, against the models they are made of. */
class OnnxWeightsTest {
  @ParameterizedTest
  @MethodSource("io.github.lcm4j.onnx.export.Exports#all")
  void everyParameterIsFound(Golden export) throws IOException {
    Exports.assertSameWeights(export.open().weights(), export.truth());
  }

  @ParameterizedTest
  @MethodSource("io.github.lcm4j.onnx.export.Exports#foldable")
  void namesAndStructureAgree(Golden export) throws Exception {
    OnnxGraph graph = new OnnxGraph(OnnxModelFile.read(export.file()));
    ModuleScanner.Result scan = ModuleScanner.scan(graph);
    Map<GraphModule, String> named = ModulePaths.read(graph, export.component(), scan.modules());
    DataFlow flow = new DataFlow(graph, scan.modules());
    Map<GraphModule, String> structural =
        export.component() == OnnxComponent.UNET
            ? UnetStructure.paths(graph, flow, export.open().unetPorts())
            : TextEncoderStructure.paths(graph, flow);

    assertEquals(scan.modules().size(), named.size());
    assertEquals(named, structural);
  }

  @Test
  void infoSaysWhereTheBytesAre() throws IOException {
    Golden export = new Golden("sdxl-external", "unet");
    OnnxWeights weights = export.open().weights();
    TensorInfo info = weights.info("conv_in.weight");
    assertEquals("F32", info.type());
    assertArrayEquals(new long[] {8, 4, 3, 3}, info.shape());

    ByteBuffer bytes = ByteBuffer.allocate((int) info.byteSize()).order(ByteOrder.LITTLE_ENDIAN);
    try (FileChannel channel = FileChannel.open(info.file(), StandardOpenOption.READ)) {
      assertEquals(info.byteSize(), channel.read(bytes, info.offset()));
    }
    float[] values = new float[(int) info.elementCount()];
    bytes.flip().asFloatBuffer().get(values);
    assertArrayEquals(export.truth().get("conv_in.weight").toFloatArray(), values);
  }

  @Test
  void unknownParametersAreNamed() throws IOException {
    OnnxWeights weights = new Golden("sd15-torchscript", "unet").open().weights();
    String message =
        assertThrows(NoSuchElementException.class, () -> weights.tensor("conv_in.wait"))
            .getMessage();
    assertTrue(message.contains("model.onnx") && message.contains("conv_in.wait"), message);
  }

  @Test
  void anOverrideOfAnotherShapeIsRefused() throws IOException {
    OnnxWeights weights = new Golden("sd15-torchscript", "unet").open().weights();
    Map<String, Tensor> changed = Map.of("conv_in.bias", Tensor.of(new float[4], 4));
    String message =
        assertThrows(IllegalArgumentException.class, () -> weights.override(changed)).getMessage();
    assertTrue(
        message.contains("conv_in.bias") && message.contains("[8]") && message.contains("[4]"),
        message);
  }
}
