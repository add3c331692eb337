package io.github.lcm4j.onnx;

import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.lora.LoraMerger;
import io.github.lcm4j.lora.MergedWeights;
import io.github.lcm4j.onnx.export.OnnxComponent;
import io.github.lcm4j.onnx.export.OnnxExport;
import io.github.lcm4j.onnx.export.OnnxWeights;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * ONNX exports as the base, with and without LoRAs, against diffusers on the models they were
 * exported from (see the READMEs beside the data): UNet outputs to 1e-4 relative for float32
 * weights, to 5e-3 for half-precision ones; latents to 1e-3, pictures within 2 of 255.
 */
class ExportParityTest {
  record Case(String export, LoraParityTest.Case lora) {
    @Override
    public String toString() {
      return export + " " + lora.name();
    }
  }

  static Stream<Case> unets() throws IOException {
    List<Case> cases = new ArrayList<>();
    for (LoraParityTest.Case lora : LoraParityTest.cases().toList()) {
      for (String kind : List.of("torchscript", "external", "fp16", "dynamo")) {
        cases.add(new Case(lora.base() + "-" + kind, lora));
      }
    }
    return cases.stream();
  }

  static Stream<Case> pictures() throws IOException {
    return unets()
        .filter(c -> c.export().endsWith("torchscript") && c.lora().node().has("picture"));
  }

  @ParameterizedTest
  @MethodSource("unets")
  void unetWithLoraMatches(Case c) throws IOException {
    String base = c.lora().base();
    Path folder = Golden.path("onnx/" + c.export());
    OnnxExport export =
        OnnxExport.open(folder.resolve("unet").resolve("model.onnx"), OnnxComponent.UNET);
    OnnxWeights weights = export.weights();
    // Only the torchscript folders hold text encoders; keys for them are passed over here.
    MergedWeights merged =
        LoraMerger.builder()
            .lenient(true)
            .keepFloat32(true)
            .build()
            .merge(Map.of("unet", weights), c.lora().loras())
            .components()
            .get("unet");
    Map<String, Tensor> changed = new LinkedHashMap<>();
    merged.touched().forEach(name -> changed.put(name, merged.tensor(name)));
    SafetensorsFile inputs =
        SafetensorsFile.open(Golden.path("models/" + base + "/expected.safetensors"));
    SafetensorsFile expected =
        SafetensorsFile.open(Golden.path("lora/" + base + "/expected.safetensors"));
    Map<String, Tensor> recorded = UnetInputs.read(inputs, "unet/square/");
    OrtNetwork network =
        OrtNetwork.open(
            "unet",
            export.file(),
            arena -> weights.override(changed),
            OrtRuntime.of(ExecutionProvider.CPU, 1));
    try {
      var ports = export.unetPorts();
      Tensor wanted = expected.tensor(c.lora().name() + "/unet_out");
      Tensor timesteps = inputs.tensor("unet/square/timestep");
      // The newer exporter's graphs take one timestep for the whole batch; the recorded two differ.
      boolean one = ports.timestep().axes().get(0).isFixed();
      for (int i = 0; i < (one ? 2 : 1); i++) {
        PortRun run = new PortRun(network);
        run.input(ports.sample(), recorded.get("sample"));
        run.input(ports.timestep(), one ? timesteps.rows(i, i + 1) : timesteps);
        run.input(ports.encoderHiddenStates(), recorded.get("encoder_hidden_states"));
        run.input(ports.textEmbeds(), recorded.get("text_embeds"));
        run.input(ports.timeIds(), recorded.get("time_ids"));
        Tensor found = run.output(ports.output(), wanted.shape()).run();
        Golden.assertClose(
            c + " sample " + i,
            one ? wanted.rows(i, i + 1) : wanted,
            one ? found.rows(i, i + 1) : found,
            c.export().endsWith("fp16") ? 5e-3 : 1e-4);
      }
    } finally {
      network.release();
    }
  }

  @ParameterizedTest
  @MethodSource("pictures")
  void pictureWithLoraMatches(Case c) throws IOException {
    try (Pipeline base = open(c.export(), "LCMScheduler");
        Pipeline pipeline = base.withLoras(c.lora().loras())) {
      c.lora().assertPicture(pipeline);
    }
  }

  static Stream<PipelineParityTest.Call> calls() throws IOException {
    return PipelineParityTest.calls()
        .filter(call -> List.of("sd15", "sdxl").contains(call.model()));
  }

  @ParameterizedTest
  @MethodSource("calls")
  void wholePipelineMatches(PipelineParityTest.Call call) throws IOException {
    try (Pipeline pipeline =
        open(call.model() + "-torchscript", call.picture().path("scheduler").asText())) {
      call.assertReproduced(pipeline);
    }
  }

  private static Pipeline open(String export, String scheduler) throws IOException {
    return Pipeline.builder()
        .checkpoint(Golden.path("onnx/" + export))
        .scheduler(scheduler)
        .threads(1)
        .build();
  }
}
