package io.github.lcm4j.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataLocation;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.github.lcm4j.Cancellation;
import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.Pipeline;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.lora.LoraException;
import io.github.lcm4j.lora.LoraMerger;
import io.github.lcm4j.lora.MergeRequest;
import io.github.lcm4j.lora.MergedWeights;
import io.github.lcm4j.onnx.export.OnnxComponent;
import io.github.lcm4j.onnx.export.OnnxExport;
import io.github.lcm4j.onnx.export.OnnxWeights;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.SafetensorsWriter;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.spi.ModelSpec;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Written exports, read back: against what diffusers and transformers compute on the models and
 * LoRAs they are made of (see the READMEs beside the data), with the tolerances of {@link
 * NetworkParityTest}, {@link LoraParityTest} and {@link PipelineParityTest}.
 */
class OnnxExporterTest {
  private static final String UNET = "unet/model.onnx";

  @TempDir Path folder;

  private Path export(Path base, List<LoraSpec> loras) throws IOException {
    return OnnxExporter.write(new MergeRequest(base, loras, false, false), folder.resolve("export"))
        .folder();
  }

  private Path export(String model, LoraSpec... loras) throws IOException {
    return export(Golden.path("models/" + model), List.of(loras));
  }

  private static LoraSpec lora(String name) {
    return LoraSpec.of(Golden.path("lora/" + name + ".safetensors"));
  }

  private static ModelProto model(Path file) throws IOException {
    return ModelProto.parseFrom(Files.readAllBytes(file));
  }

  private void assertNothingLeft(String... expected) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      assertEquals(
          Set.of(expected),
          entries.map(entry -> entry.getFileName().toString()).collect(Collectors.toSet()));
    }
  }

  // ---- from safetensors ----------------------------------------------------------------------

  @ParameterizedTest
  @ValueSource(strings = {"sd15", "sd21-v", "sd15-taesd", "lcm-full", "sdxl", "ssd1b"})
  void partsMatch(String name) throws IOException {
    SafetensorsFile expected =
        SafetensorsFile.open(Golden.path("models/" + name + "/expected.safetensors"));
    Checkpoint exported = Checkpoint.open(export(name));
    try (OrtModel model =
        OrtModel.load(new ModelSpec(exported, List.of(), false, ExecutionProvider.CPU, 1))) {
      for (String size : List.of("square", "wide")) {
        assertUnet(
            name + " " + size,
            exported.folder().resolve(UNET),
            expected,
            "unet/" + size + "/",
            expected.tensor("unet/" + size + "/out"),
            1e-4);
      }
      for (int i = 0; i < model.textEncoders().size(); i++) {
        assertTextEncoder(name, model.textEncoders().get(i), expected, i == 0 ? "text/" : "text2/");
      }
      Golden.assertClose(
          name + " decoded",
          expected.tensor("vae/decoded"),
          model.vaeDecoder().decode(expected.tensor("vae/latent")),
          1e-4);
      Tensor wanted = expected.tensor("vae/encoded");
      Tensor found = model.vaeEncoder().orElseThrow().encode(expected.tensor("vae/image"));
      float[] mean = Arrays.copyOf(found.toFloatArray(), wanted.elementCount());
      Golden.assertClose(name + " encoded", wanted, Tensor.of(mean, wanted.shape()), 1e-4);
    }
  }

  private static void assertTextEncoder(
      String name, TextEncoder encoder, SafetensorsFile expected, String prefix) {
    Tensor ids = expected.tensor(prefix + "input_ids").rows(0, 2);
    if (expected.contains(prefix + "last_hidden_state")) {
      Golden.assertClose(
          name + " " + prefix + "last_hidden_state",
          expected.tensor(prefix + "last_hidden_state"),
          encoder.encode(ids, 0, true).hiddenState(),
          1e-4);
    }
    TextEncoder.Encoding penultimate = encoder.encode(ids, 1, false);
    Golden.assertClose(
        name + " " + prefix + "hidden_state_minus_2",
        expected.tensor(prefix + "hidden_state_minus_2"),
        penultimate.hiddenState(),
        1e-4);
    assertEquals(expected.contains(prefix + "text_embeds"), penultimate.textEmbeds() != null);
    if (penultimate.textEmbeds() != null) {
      Golden.assertClose(
          name + " " + prefix + "text_embeds",
          expected.tensor(prefix + "text_embeds"),
          penultimate.textEmbeds(),
          1e-4);
    }
  }

  /** Runs a UNet as it lies on disk, a sample at a time where it takes one timestep for all. */
  private static void assertUnet(
      String what,
      Path file,
      SafetensorsFile inputs,
      String prefix,
      Tensor wanted,
      double tolerance)
      throws IOException {
    OnnxExport export = OnnxExport.open(file, OnnxComponent.UNET);
    var ports = export.unetPorts();
    Map<String, Tensor> recorded = UnetInputs.read(inputs, prefix);
    OrtNetwork network =
        OrtNetwork.open(
            "unet", file, OrtNetwork.Overriding.NONE, OrtRuntime.of(ExecutionProvider.CPU, 1));
    try {
      Tensor timesteps = inputs.tensor(prefix + "timestep");
      boolean scalar = ports.timestep().rank() == 0;
      boolean one = scalar || ports.timestep().axes().get(0).isFixed();
      for (int i = 0; i < (one ? 2 : 1); i++) {
        Tensor timestep = one ? timesteps.rows(i, i + 1) : timesteps;
        PortRun run = new PortRun(network);
        run.input(ports.sample(), recorded.get("sample"));
        run.input(
            ports.timestep(), scalar ? Tensor.of(new float[] {timestep.longs().get(0)}) : timestep);
        run.input(ports.encoderHiddenStates(), recorded.get("encoder_hidden_states"));
        run.input(ports.timestepCond(), recorded.get("timestep_cond"));
        run.input(ports.textEmbeds(), recorded.get("text_embeds"));
        run.input(ports.timeIds(), recorded.get("time_ids"));
        Tensor found = run.output(ports.output(), wanted.shape()).run();
        Golden.assertClose(
            what + " sample " + i,
            one ? wanted.rows(i, i + 1) : wanted,
            one ? found.rows(i, i + 1) : found,
            tolerance);
      }
    } finally {
      network.release();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "sd15, text_encoder, 'input_ids', 'last_hidden_state, pooler_output, hidden_states.0, hidden_states.1, hidden_states.2, hidden_states.3'",
    "sdxl, text_encoder_2, 'input_ids', 'text_embeds, last_hidden_state, hidden_states.0, hidden_states.1, hidden_states.2, hidden_states.3'",
    "sd15, unet, 'sample, timestep, encoder_hidden_states', out_sample",
    "sdxl, unet, 'sample, timestep, encoder_hidden_states, text_embeds, time_ids', out_sample",
    "lcm-full, unet, 'sample, timestep, encoder_hidden_states, timestep_cond', out_sample",
    "sd15, vae_decoder, latent_sample, sample",
    "sd15, vae_encoder, sample, latent_parameters",
    "sd15-taesd, vae_encoder, sample, latent_sample"
  })
  void inputsAndOutputsAreOptimums(String model, String part, String inputs, String outputs)
      throws IOException {
    ModelProto found = model(export(model).resolve(part).resolve("model.onnx"));
    assertEquals(inputs, names(found.getGraph().getInputList()));
    assertEquals(outputs, names(found.getGraph().getOutputList()));
    for (TensorProto initializer : found.getGraph().getInitializerList()) {
      boolean external = initializer.getDataLocation() == DataLocation.EXTERNAL;
      if (external) {
        assertEquals("model.onnx_data", initializer.getExternalData(0).getValue());
      }
    }
  }

  private static String names(List<ValueInfoProto> values) {
    return values.stream().map(ValueInfoProto::getName).collect(Collectors.joining(", "));
  }

  /** What a LoRA would be folded into afterwards. */
  @ParameterizedTest
  @ValueSource(strings = {"sd15", "sd21-v", "lcm-full", "sdxl", "ssd1b"})
  void everyParameterIsFoundAgain(String name) throws IOException {
    Checkpoint base = Checkpoint.open(Golden.path("models/" + name));
    Path exported = export(name);
    for (Map.Entry<String, WeightSource> part : base.openWeights().entrySet()) {
      if (part.getKey().equals("vae")) {
        continue;
      }
      boolean unet = part.getKey().equals("unet");
      OnnxWeights found =
          OnnxExport.open(
                  exported.resolve(part.getKey()).resolve("model.onnx"),
                  unet ? OnnxComponent.UNET : OnnxComponent.TEXT_ENCODER)
              .weights();
      Map<String, String> names = new LinkedHashMap<>();
      for (String own : part.getValue().names()) {
        if (!own.endsWith("position_ids")) {
          names.put(unet || own.startsWith("text_") ? own : "text_model." + own, own);
        }
      }
      assertEquals(names.keySet(), Set.copyOf(found.names()), part.getKey());
      for (Map.Entry<String, String> entry : names.entrySet()) {
        assertEquals(
            part.getValue().tensor(entry.getValue()).buffer(),
            found.tensor(entry.getKey()).buffer(),
            entry.getKey());
      }
    }
  }

  static Stream<PipelineParityTest.Call> calls() throws IOException {
    return PipelineParityTest.calls()
        .filter(
            call -> {
              String name = call.picture().path("name").asText();
              return name.startsWith("lcm-") || name.startsWith("euler");
            });
  }

  @ParameterizedTest
  @MethodSource("calls")
  void picturesMatch(PipelineParityTest.Call call) throws IOException {
    try (Pipeline pipeline =
        open(export(call.model()), call.picture().path("scheduler").asText())) {
      call.assertReproduced(pipeline);
    }
  }

  private static Pipeline open(Path checkpoint, String scheduler) throws IOException {
    return Pipeline.builder().checkpoint(checkpoint).scheduler(scheduler).threads(1).build();
  }

  static Stream<LoraParityTest.Case> loras() throws IOException {
    return LoraParityTest.cases();
  }

  @ParameterizedTest
  @MethodSource("loras")
  void exportedWithLorasTheUnetMatches(LoraParityTest.Case c) throws IOException {
    Path exported = export(Golden.path("models/" + c.base()), c.loras());
    assertLoraUnet(c, exported, 1e-4);
  }

  private static void assertLoraUnet(LoraParityTest.Case c, Path exported, double tolerance)
      throws IOException {
    assertUnet(
        c + " UNet",
        exported.resolve(UNET),
        SafetensorsFile.open(Golden.path("models/" + c.base() + "/expected.safetensors")),
        "unet/square/",
        SafetensorsFile.open(Golden.path("lora/" + c.base() + "/expected.safetensors"))
            .tensor(c.name() + "/unet_out"),
        tolerance);
  }

  static Stream<LoraParityTest.Case> pictures() throws IOException {
    return LoraParityTest.pictures();
  }

  @ParameterizedTest
  @MethodSource("pictures")
  void loraPicturesMatchFoldedBeforeAndAfter(LoraParityTest.Case c) throws IOException {
    Path with = export(Golden.path("models/" + c.base()), c.loras());
    try (Pipeline pipeline = open(with, "LCMScheduler")) {
      c.assertPicture(pipeline);
    }
    Path without =
        OnnxExporter.write(
                MergeRequest.of(Golden.path("models/" + c.base())), folder.resolve("without"))
            .folder();
    try (Pipeline base = open(without, "LCMScheduler");
        Pipeline pipeline = base.withLoras(c.loras())) {
      c.assertPicture(pipeline);
    }
    // Our own export is a base for merging too.
    Path merged =
        OnnxExporter.write(
                new MergeRequest(without, c.loras(), false, false), folder.resolve("merged"))
            .folder();
    try (Pipeline pipeline = open(merged, "LCMScheduler")) {
      c.assertPicture(pipeline);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"FLOAT16", "BFLOAT16"})
  void halfPrecisionStaysHalf(DType dtype) throws IOException {
    Path base = folder.resolve("base");
    Files.createDirectory(base);
    Golden.assemble(base, "models/sd15", Map.of());
    Path file = base.resolve("unet/diffusion_pytorch_model.safetensors");
    SafetensorsFile wide = SafetensorsFile.open(file);
    Map<String, Tensor> half = new LinkedHashMap<>();
    wide.names().forEach(name -> half.put(name, wide.tensor(name).cast(dtype)));
    SafetensorsWriter.write(file, half, wide.metadata());

    LoraSpec lcm = lora("sd15/kohya-lcm");
    Path exported = export(base, List.of(lcm));
    OnnxWeights found = OnnxExport.open(exported.resolve(UNET), OnnxComponent.UNET).weights();
    MergedWeights expected =
        LoraMerger.create()
            .merge(Checkpoint.open(base).openWeights(), List.of(lcm))
            .component("unet");
    for (String name : expected.names()) {
      assertEquals(dtype, found.info(name).dtype(), name);
      assertEquals(expected.tensor(name).buffer(), found.tensor(name).buffer(), name);
    }
    SafetensorsFile inputs = SafetensorsFile.open(Golden.path("models/sd15/expected.safetensors"));
    Tensor out = Tensor.allocate(DType.FLOAT32, inputs.info("unet/square/out").shape());
    Map<String, Tensor> rounded = new LinkedHashMap<>();
    expected.touched().forEach(name -> rounded.put(name, expected.tensor(name)));
    ModelSpec spec =
        new ModelSpec(Checkpoint.open(base), List.of(), false, ExecutionProvider.CPU, 1);
    Network network =
        EmittedParts.open(spec, OrtRuntime.of(ExecutionProvider.CPU, 1))
            .create("unet", arena -> rounded);
    try {
      network.run(UnetInputs.read(inputs, "unet/square/"), Map.of("out_sample", out));
    } finally {
      network.release();
    }
    assertUnet("half", exported.resolve(UNET), inputs, "unet/square/", out, 1e-5);
  }

  // ---- from an export ------------------------------------------------------------------------

  static Stream<ExportParityTest.Case> exports() throws IOException {
    return ExportParityTest.unets();
  }

  /** A whole export with another one's UNet. */
  private Path assemble(String unet, String base) throws IOException {
    Path target = folder.resolve("base");
    Files.createDirectory(target);
    Golden.assemble(
        target, "onnx/" + base + "-torchscript", Map.of("unet", "onnx/" + unet + "/unet"));
    Path config = target.resolve("unet/config.json");
    if (!Files.exists(config)) {
      Files.copy(Golden.path("models/" + base + "/unet/config.json"), config);
    }
    return target;
  }

  @ParameterizedTest
  @MethodSource("exports")
  void mergedExportsMatch(ExportParityTest.Case c) throws IOException {
    Path base = assemble(c.export(), c.lora().base());
    Path merged = export(base, c.lora().loras());
    assertLoraUnet(c.lora(), merged, c.export().endsWith("fp16") ? 5e-3 : 1e-4);
    assertSameGraph(model(base.resolve(UNET)), model(merged.resolve(UNET)));
    for (String copied :
        List.of("vae_decoder/model.onnx", "model_index.json", "unet/config.json")) {
      assertEquals(-1, Files.mismatch(base.resolve(copied), merged.resolve(copied)), copied);
    }
  }

  /** Names, types and layouts of all constants, and all nodes, Constant ones aside. */
  private static void assertSameGraph(ModelProto base, ModelProto merged) {
    assertEquals(constants(base), constants(merged));
    List<NodeProto> nodes = new ArrayList<>(base.getGraph().getNodeList());
    nodes.removeAll(merged.getGraph().getNodeList());
    nodes.removeIf(node -> node.getOpType().equals("Constant"));
    assertEquals(List.of(), nodes);
    assertEquals(base.getGraph().getInputList(), merged.getGraph().getInputList());
    assertEquals(base.getGraph().getOutputList(), merged.getGraph().getOutputList());
  }

  private static Map<String, String> constants(ModelProto model) {
    Map<String, String> constants = new LinkedHashMap<>();
    for (NodeProto node : model.getGraph().getNodeList()) {
      if (node.getOpType().equals("Constant") && node.getAttribute(0).hasT()) {
        describe(constants, node.getOutput(0), node.getAttribute(0).getT());
      }
    }
    model.getGraph().getInitializerList().forEach(t -> describe(constants, t.getName(), t));
    return constants;
  }

  private static void describe(Map<String, String> into, String name, TensorProto tensor) {
    into.put(name, tensor.getDataType() + " " + tensor.getDimsList());
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd15", "sdxl"})
  void mergedTextEncodersMatch(String model) throws IOException {
    LoraParityTest.Case c =
        LoraParityTest.pictures()
            .filter(p -> p.base().equals(model) && p.name().equals("kohya-text-encoder"))
            .findFirst()
            .orElseThrow();
    Path merged = export(Golden.path("onnx/" + model + "-torchscript"), c.loras());
    try (Pipeline pipeline = open(merged, "LCMScheduler")) {
      c.assertPicture(pipeline);
    }
    assertTrue(Files.exists(merged.resolve("text_encoder/model.onnx_data")));
  }

  @Test
  void anExportWithoutLorasIsCopied() throws IOException {
    Path base = Golden.path("onnx/sd15-torchscript");
    Path copy = export(base, List.of());
    try (Stream<Path> files = Files.walk(base)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        assertEquals(-1, Files.mismatch(file, copy.resolve(base.relativize(file).toString())));
      }
    }
  }

  // ---- refusals ------------------------------------------------------------------------------

  @ParameterizedTest
  @CsvSource({
    "models/sd15, bad-nan",
    "models/sd15, bad-unknown-module",
    "onnx/sd15-torchscript, bad-nan",
    "onnx/sd15-torchscript, bad-shape"
  })
  void aDamagedLoraLeavesNothing(String base, String bad) throws IOException {
    LoraSpec lora = lora("sd15/" + bad);
    LoraException e =
        assertThrows(LoraException.class, () -> export(Golden.path(base), List.of(lora)));
    assertEquals(lora.file(), e.file());
    assertNothingLeft();
  }

  @ParameterizedTest
  @ValueSource(strings = {"models/sd15", "onnx/sd15-torchscript"})
  void cancellingLeavesNothing(String base) throws IOException {
    Cancellation cancellation = new Cancellation();
    cancellation.cancel();
    MergeRequest request = MergeRequest.of(Golden.path(base)).lora(lora("sd15/kohya-lcm"));
    assertThrows(
        CancellationException.class,
        () -> OnnxExporter.write(request, folder.resolve("export"), cancellation));
    assertNothingLeft();
  }

  @Test
  void whatIsThereIsReplacedOnlyWhenAskedFor() throws IOException {
    Path target = export("sd15");
    byte[] before = Files.readAllBytes(target.resolve("unet/model.onnx_data"));
    IOException e = assertThrows(IOException.class, () -> export("sd15", lora("sd15/kohya-lcm")));
    assertTrue(e.getMessage().contains("exists already"), e.getMessage());
    MergeRequest request = MergeRequest.of(Golden.path("models/sd15")).overwrite(true);
    LoraSpec nan = lora("sd15/bad-nan");
    assertThrows(LoraException.class, () -> OnnxExporter.write(request.lora(nan), target));
    assertTrue(Arrays.equals(before, Files.readAllBytes(target.resolve("unet/model.onnx_data"))));
    OnnxExporter.write(request.lora(lora("sd15/kohya-lcm")), target);
    assertFalse(Arrays.equals(before, Files.readAllBytes(target.resolve("unet/model.onnx_data"))));
    assertNothingLeft("export");
  }

  @Test
  void aConfigurationThatDoesNotFitLeavesNothing() throws IOException {
    Path base = folder.resolve("base");
    Files.createDirectory(base);
    Golden.assemble(base, "models/sd15", Map.of("unet", "models/sdxl/unet"));
    Files.delete(base.resolve("unet/config.json"));
    Files.copy(Golden.path("models/sd15/unet/config.json"), base.resolve("unet/config.json"));
    assertThrows(CheckpointException.class, () -> export(base, List.of()));
    assertNothingLeft("base");
  }
}
