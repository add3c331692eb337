package io.github.lcm4j.onnx.export;

import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OrtException;
import io.github.lcm4j.onnx.export.Exports.Golden;
import io.github.lcm4j.onnx.export.GraphRunner.Way;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Exports with other weights, run in ONNX Runtime. What they must yield was computed by diffusers
 * and transformers: {@code unet/square/out} of each model with its own weights, {@code
 * LORA/unet_out} with a LoRA file folded in, and {@code golden/export} for the text encoders.
 *
 * <p>Tolerance, relative in the norm: 1e-4. Rounding all weights to half precision moves these
 * UNets' outputs by up to 6e-4, so exports that did are allowed 2e-3.
 */
class OverrideTest {
  private static final double TOLERANCE = 1e-4;
  private static final double HALF_TOLERANCE = 2e-3;

  static Stream<Arguments> unets() {
    return Exports.unets().stream()
        .flatMap(export -> Stream.of(Way.values()).map(way -> Arguments.of(export, way)));
  }

  static Stream<Arguments> textEncoders() {
    return Exports.textEncoders().stream()
        .flatMap(export -> Stream.of(Way.values()).map(way -> Arguments.of(export, way)));
  }

  @ParameterizedTest
  @MethodSource("unets")
  void theLightGraphComputesTheSame(Golden export, Way way) throws Exception {
    OverriddenGraph graph = export.open().weights().override(Map.of());
    assertTrue(graph.initializers().isEmpty());
    assertOutput(export, way, graph, "models/" + export.model(), "unet/square/out");
  }

  @ParameterizedTest
  @MethodSource("unets")
  void theSameWeightsComputeTheSame(Golden export, Way way) throws Exception {
    OnnxWeights weights = export.open().weights();
    Map<String, Tensor> same = new LinkedHashMap<>();
    weights.names().forEach(name -> same.put(name, weights.tensor(name)));
    OverriddenGraph graph = weights.override(same);
    assertOutput(export, way, graph, "models/" + export.model(), "unet/square/out");
  }

  /** Attention only; a LoRA for Linear and convolution weights of every kind; whole differences. */
  @ParameterizedTest
  @MethodSource("unets")
  void foldedLorasComputeWhatDiffusersComputes(Golden export, Way way) throws Exception {
    for (String lora : List.of("peft-attention", "kohya-lcm", "full-diff")) {
      OnnxWeights weights = export.open().weights();
      OverriddenGraph graph = weights.override(SimpleLora.fold(weights, export.model(), lora));
      assertOutput(export, way, graph, "lora/" + export.model(), lora + "/unet_out");
    }
  }

  @ParameterizedTest
  @MethodSource("textEncoders")
  void changedTextEncodersComputeWhatTransformersComputes(Golden export, Way way) throws Exception {
    OnnxExport graph = export.open();
    OnnxWeights weights = graph.weights();
    Map<String, Tensor> changed = new LinkedHashMap<>();
    for (String name : weights.names()) {
      if (name.contains("_proj.") || name.contains(".fc")) {
        float[] values = weights.tensor(name).toFloatArray();
        for (int i = 0; i < values.length; i++) {
          values[i] += (float) (0.02 * Math.sin(i + 1));
        }
        changed.put(name, Tensor.of(values, weights.info(name).shape()));
      }
    }
    SafetensorsFile expected =
        SafetensorsFile.open(Exports.path("export/text_encoder.safetensors"));
    String key = export.model() + "/" + export.part() + "/";
    TextEncoderPorts ports = graph.textEncoderPorts();
    Map<String, Tensor> inputs =
        Map.of(ports.inputIds().name(), expected.tensor(key + "input_ids"));
    Port pooled = ports.textEmbeds() != null ? ports.textEmbeds() : ports.poolerOutput();
    for (Port output : List.of(ports.lastHiddenState(), pooled)) {
      Exports.assertClose(
          export + " " + output.name(),
          expected.tensor(key + output.name()),
          GraphRunner.run(weights.override(changed), way, inputs, output.name()),
          TOLERANCE);
    }
  }

  private static void assertOutput(
      Golden export, Way way, OverriddenGraph graph, String reference, String key)
      throws IOException, OrtException {
    Exports.assertClose(
        export + " " + key,
        SafetensorsFile.open(Exports.path(reference + "/expected.safetensors")).tensor(key),
        predict(export, way, graph),
        export.isHalf() ? HALF_TOLERANCE : TOLERANCE);
  }

  /** The UNet's output at the inputs under {@code unet/square}. */
  static Tensor predict(Golden export, Way way, OverriddenGraph graph)
      throws IOException, OrtException {
    SafetensorsFile reference =
        SafetensorsFile.open(Exports.path("models/" + export.model() + "/expected.safetensors"));
    UnetPorts ports = export.open().unetPorts();
    Map<String, Tensor> inputs = new HashMap<>();
    for (Port port : export.open().inputs()) {
      inputs.put(port.name(), reference.tensor("unet/square/" + port.name()));
    }
    String timestep = ports.timestep().name();
    if (!ports.timestep().axes().get(0).isFixed()) {
      return GraphRunner.run(graph, way, inputs, ports.output().name());
    }
    // Traced for one timestep, while the two samples of the reference have one each.
    Tensor timesteps = inputs.get(timestep);
    Tensor result = null;
    for (int sample = 0; sample < timesteps.dimension(0); sample++) {
      inputs.put(timestep, timesteps.rows(sample, sample + 1));
      Tensor output = GraphRunner.run(graph, way, inputs, ports.output().name());
      result = result == null ? Tensor.allocate(output.dtype(), output.shape()) : result;
      result.rows(sample, sample + 1).floats().put(output.rows(sample, sample + 1).floats());
    }
    return result;
  }

  @ParameterizedTest
  @MethodSource("io.github.lcm4j.onnx.export.Exports#unets")
  void theLightGraphIsLight(Golden export) throws IOException {
    OnnxWeights weights = export.open().weights();
    long larger =
        weights.names().stream()
            .mapToLong(name -> weights.info(name).byteSize())
            .filter(size -> size > OnnxModelFile.INLINE_BYTES)
            .sum();
    long whole = Files.size(export.file());
    boolean inside = weights.info("conv_in.weight").file().equals(export.file());
    int light = weights.override(Map.of()).model().length;
    // A reference takes about 100 bytes, a third of the smallest constant that becomes one.
    assertTrue(light < whole - (inside ? larger / 2 : -larger / 2), light + " of " + whole);
  }
}
