package io.github.lcm4j.onnx.export;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.lcm4j.onnx.export.Exports.Golden;
import io.github.lcm4j.onnx.export.GraphRunner.Way;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The golden exports, rewritten as other exporters and tools write them. What they must hold is
 * known from the models they were made of; what they must compute, from the export as it was.
 */
class ForeignExportsTest {
  private static final String FOLDABLE = "io.github.lcm4j.onnx.export.Exports#foldable";

  @TempDir Path folder;

  private OnnxWeights weights(Golden export, ModelEditor editor) throws IOException {
    return OnnxExport.open(editor.write(folder.resolve("model.onnx")), export.component())
        .weights();
  }

  /** Exporters of 2022 named Conv and Gemm weights and biases, but neither nodes nor MatMul's. */
  @ParameterizedTest
  @MethodSource(FOLDABLE)
  void parametersAreFoundWithoutNodeNames(Golden export) throws IOException {
    ModelEditor editor = new ModelEditor(export.file()).withoutNodeNames();
    Exports.assertSameWeights(weights(export, editor), export.truth());
  }

  @ParameterizedTest
  @MethodSource(FOLDABLE)
  void parametersAreFoundWithoutAnyNames(Golden export) throws IOException {
    ModelEditor editor =
        new ModelEditor(export.file())
            .withoutNodeNames()
            .withoutParameterNames()
            .withoutPortNames();
    Exports.assertSameWeights(weights(export, editor), export.truth());
  }

  @ParameterizedTest
  @MethodSource(FOLDABLE)
  void parametersAreFoundWithoutNamesInAnyOrder(Golden export) throws IOException {
    for (long seed = 0; seed < 3; seed++) {
      ModelEditor editor =
          new ModelEditor(export.file()).withoutNodeNames().withoutParameterNames().shuffled(seed);
      Exports.assertSameWeights(weights(export, editor), export.truth());
    }
  }

  @ParameterizedTest
  @MethodSource(FOLDABLE)
  void parametersAreFoundInConstantNodes(Golden export) throws IOException {
    ModelEditor editor = new ModelEditor(export.file()).withConstantNodes();
    Exports.assertSameWeights(weights(export, editor), export.truth());
  }

  @ParameterizedTest
  @MethodSource(FOLDABLE)
  void parametersAreFoundAsProtobufNumbers(Golden export) throws IOException {
    ModelEditor editor = new ModelEditor(export.file()).withTypedData();
    Exports.assertSameWeights(weights(export, editor), export.truth());
  }

  @ParameterizedTest
  @MethodSource(FOLDABLE)
  void sharedInitializersBelongToEveryParameter(Golden export) throws IOException {
    Map<String, Tensor> truth = new LinkedHashMap<>(export.truth());
    truth.replaceAll(
        (name, tensor) ->
            isSharedBias(name) ? Tensor.allocate(tensor.dtype(), tensor.shape()) : tensor);
    ModelEditor named =
        new ModelEditor(export.file()).zeroed(ForeignExportsTest::isSharedBias).deduplicated();
    Exports.assertSameWeights(weights(export, named), truth);
    ModelEditor unnamed =
        new ModelEditor(export.file())
            .zeroed(ForeignExportsTest::isSharedBias)
            .deduplicated()
            .withoutNodeNames();
    Exports.assertSameWeights(weights(export, unnamed), truth);
  }

  private static boolean isSharedBias(String name) {
    return name.endsWith(".conv1.bias") || name.endsWith("_proj.bias");
  }

  /** One of the parameters that share an initializer is changed; the others must not be. */
  @Test
  void overridingSplitsSharedInitializers() throws Exception {
    Golden export = new Golden("sd15-torchscript", "unet");
    Map<String, Tensor> changed =
        Map.of(
            "down_blocks.0.resnets.1.conv1.bias",
            Tensor.of(new float[] {1, -2, 3, -4, 5, -6, 7, -8}, 8));
    ModelEditor separate = new ModelEditor(export.file()).zeroed(ForeignExportsTest::isSharedBias);
    Tensor expected =
        OverrideTest.predict(export, Way.COPIED, weights(export, separate).override(changed));
    ModelEditor shared =
        new ModelEditor(export.file()).zeroed(ForeignExportsTest::isSharedBias).deduplicated();
    for (Way way : Way.values()) {
      Tensor found = OverrideTest.predict(export, way, weights(export, shared).override(changed));
      Exports.assertClose("shared " + way, expected, found, 1e-5);
    }
  }

  /** Neither Constant nodes nor initializers among the inputs can be overridden as they are. */
  @Test
  void overridingWorksWhateverHoldsTheWeights() throws Exception {
    Golden export = new Golden("sdxl-torchscript", "unet");
    Map<String, Tensor> changed =
        SimpleLora.fold(export.open().weights(), export.model(), "kohya-lcm");
    Tensor expected =
        OverrideTest.predict(export, Way.COPIED, export.open().weights().override(changed));
    Map<String, ModelEditor> editors =
        Map.of(
            "Constant nodes", new ModelEditor(export.file()).withConstantNodes(),
            "inputs", new ModelEditor(export.file()).withInitializersAsInputs(),
            "protobuf numbers", new ModelEditor(export.file()).withTypedData());
    for (Map.Entry<String, ModelEditor> editor : editors.entrySet()) {
      OnnxWeights weights = weights(export, editor.getValue());
      for (Way way : Way.values()) {
        Tensor found = OverrideTest.predict(export, way, weights.override(changed));
        Exports.assertClose(editor.getKey() + " " + way, expected, found, 1e-5);
      }
    }
  }

  /** A download cache stores files under their hashes and links to them from another folder. */
  @Test
  void filesMayLieBehindLinks() throws Exception {
    Golden export = new Golden("sd15-external", "unet");
    Path blobs = Files.createDirectories(folder.resolve("blobs"));
    Path snapshot = Files.createDirectories(folder.resolve("snapshots/1/unet"));
    for (String name : new String[] {"model.onnx", "model.onnx_data"}) {
      Path blob = blobs.resolve("blob" + name.length());
      Files.copy(export.file().resolveSibling(name), blob);
      Files.createSymbolicLink(snapshot.resolve(name), blob);
    }
    Map<String, Tensor> changed =
        SimpleLora.fold(export.open().weights(), export.model(), "kohya-lcm");
    Tensor expected =
        OverrideTest.predict(export, Way.COPIED, export.open().weights().override(changed));
    OnnxWeights linked =
        OnnxExport.open(snapshot.resolve("model.onnx"), OnnxComponent.UNET).weights();
    for (Way way : Way.values()) {
      Tensor found = OverrideTest.predict(export, way, linked.override(changed));
      Exports.assertClose("linked " + way, expected, found, 1e-5);
    }
  }

  @Test
  void initializersAmongTheInputsNeedNotBeFed() throws IOException {
    Golden export = new Golden("sd15-torchscript", "unet");
    Path file =
        new ModelEditor(export.file())
            .withInitializersAsInputs()
            .write(folder.resolve("model.onnx"));
    assertEquals(export.open().inputs(), OnnxExport.open(file, export.component()).inputs());
  }
}
