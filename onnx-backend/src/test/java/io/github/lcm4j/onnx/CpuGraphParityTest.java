package io.github.lcm4j.onnx;

import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.lora.DeferredMerge;
import io.github.lcm4j.lora.LoraMerger;
import io.github.lcm4j.onnx.graph.CpuGraph;
import io.github.lcm4j.onnx.graph.NetworkGraph;
import io.github.lcm4j.onnx.graph.UnetGraph;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Networks with all their convolutions by minimal filtering, which the models of the tests are too
 * small for by themselves, against diffusers' outputs (see the README beside the models): 1e-4
 * relative. A side of 16 makes for small tiles, 64 for large ones; each whole, and in strips with
 * filters in parts.
 */
class CpuGraphParityTest {
  private static final double TOLERANCE = 1e-4;
  private static final CpuGraph.Limits ALL =
      new CpuGraph.Limits(1, Long.MAX_VALUE, Long.MAX_VALUE, 1);
  private static final CpuGraph.Limits CUT = new CpuGraph.Limits(1, 0, 32 << 10, 2);
  private static final OrtRuntime RUNTIME = OrtRuntime.of(ExecutionProvider.CPU, 1);

  private interface Run {
    void with(Network network) throws IOException;
  }

  private static void run(
      NetworkGraph graph, int side, WeightSource base, ChangedWeights changed, Run run)
      throws IOException {
    for (CpuGraph.Limits limits : List.of(ALL, CUT)) {
      NetworkGraph rewritten = CpuGraph.rewrite(graph, side, limits);
      assertNotEquals(graph.model(), rewritten.model());
      Network network = OrtNetwork.create("network", rewritten, base, changed, RUNTIME);
      try {
        run.with(network);
      } finally {
        network.release();
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"sd15,16", "sd15,64", "sd21-v,64", "lcm-full,64", "sdxl,64", "ssd1b,64"})
  void unetMatches(String name, int side) throws IOException {
    Checkpoint checkpoint = Checkpoint.open(Golden.path("models/" + name));
    SafetensorsFile expected =
        SafetensorsFile.open(checkpoint.folder().resolve("expected.safetensors"));
    Component component = checkpoint.require("unet");
    WeightSource weights = component.openWeights();
    run(
        UnetGraph.emit(component, weights, false, false),
        side,
        weights,
        ChangedWeights.NONE,
        network -> {
          for (String size : List.of("square", "wide")) {
            String prefix = "unet/" + size + "/";
            Tensor wanted = expected.tensor(prefix + "out");
            Tensor found = Tensor.allocate(DType.FLOAT32, wanted.shape());
            network.run(UnetInputs.read(expected, prefix), Map.of("out_sample", found));
            Golden.assertClose(name + " " + prefix, wanted, found, TOLERANCE);
          }
        });
  }

  @ParameterizedTest
  @CsvSource({"sd15,16", "sd15,64", "sd15-taesd,64", "sdxl,64"})
  void autoencoderMatches(String name, int side) throws IOException {
    Checkpoint checkpoint = Checkpoint.open(Golden.path("models/" + name));
    SafetensorsFile expected =
        SafetensorsFile.open(checkpoint.folder().resolve("expected.safetensors"));
    Component component = checkpoint.require("vae");
    WeightSource weights = component.openWeights();
    run(
        OrtVae.decoderGraph(component, weights),
        side,
        weights,
        ChangedWeights.NONE,
        network ->
            Golden.assertClose(
                name + " decoded",
                expected.tensor("vae/decoded"),
                new OrtVae.Decoder(network, component).decode(expected.tensor("vae/latent")),
                TOLERANCE));
    run(
        OrtVae.encoderGraph(component, weights),
        side,
        weights,
        ChangedWeights.NONE,
        network -> {
          Tensor wanted = expected.tensor("vae/encoded");
          float[] encoded =
              new OrtVae.Encoder(network, component)
                  .encode(expected.tensor("vae/image"))
                  .toFloatArray();
          float[] mean = Arrays.copyOf(encoded, wanted.elementCount());
          Golden.assertClose(name + " encoded", wanted, Tensor.of(mean, wanted.shape()), TOLERANCE);
        });
  }

  /** Changed filters are transformed, not those of the checkpoint. */
  @Test
  void changedWeightsMatch() throws IOException {
    Checkpoint checkpoint = Checkpoint.open(Golden.path("models/sd15"));
    SafetensorsFile expected = SafetensorsFile.open(Golden.path("lora/sd15/expected.safetensors"));
    SafetensorsFile inputs =
        SafetensorsFile.open(checkpoint.folder().resolve("expected.safetensors"));
    Component component = checkpoint.require("unet");
    WeightSource weights = component.openWeights();
    LoraMerger merger = LoraMerger.create();
    DeferredMerge merge =
        merger.prepare(
            Map.of("unet", weights),
            List.of(LoraSpec.of(Golden.path("lora/sd15/kohya-lcm.safetensors"))));
    run(
        UnetGraph.emit(component, weights, false, false),
        64,
        weights,
        arena -> merger.fold(merge, "unet", arena),
        network -> {
          Tensor wanted = expected.tensor("kohya-lcm/unet_out");
          Tensor found = Tensor.allocate(DType.FLOAT32, wanted.shape());
          network.run(UnetInputs.read(inputs, "unet/square/"), Map.of("out_sample", found));
          Golden.assertClose("kohya-lcm", wanted, found, TOLERANCE);
        });
  }
}
