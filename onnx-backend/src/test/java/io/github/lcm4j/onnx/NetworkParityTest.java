package io.github.lcm4j.onnx;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.spi.ModelSpec;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Each network against diffusers' and transformers' own outputs, recorded in each model's {@code
 * expected.safetensors} (see the README beside the models): 1e-4 relative.
 */
class NetworkParityTest {
  private static final double TOLERANCE = 1e-4;

  private OrtModel model;
  private SafetensorsFile expected;
  private Checkpoint checkpoint;

  private void open(String name) throws IOException {
    open(Golden.path("models/" + name));
  }

  private void open(Path folder) throws IOException {
    checkpoint = Checkpoint.open(folder);
    expected = SafetensorsFile.open(checkpoint.folder().resolve("expected.safetensors"));
    model = OrtModel.load(new ModelSpec(checkpoint, List.of(), false, ExecutionProvider.CPU, 1));
  }

  @AfterEach
  void close() {
    model.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd15", "sd21-v", "sd15-taesd", "lcm-full", "sdxl", "ssd1b"})
  void unetMatches(String name) throws IOException {
    open(name);
    for (String size : List.of("square", "wide")) {
      String prefix = "unet/" + size + "/";
      Tensor wanted = expected.tensor(prefix + "out");
      Tensor found = Tensor.allocate(DType.FLOAT32, wanted.shape());
      model.network("unet").run(UnetInputs.read(expected, prefix), Map.of("out_sample", found));
      Golden.assertClose(name + " " + prefix, wanted, found, TOLERANCE);
    }
  }

  /** Height and width; some checkpoints of other than square pictures say it like that. */
  @Test
  void sampleSizeMayBeAPair(@TempDir Path folder) throws IOException {
    Golden.assemble(folder, "models/sd15", Map.of());
    Path config = folder.resolve("unet/config.json");
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = (ObjectNode) mapper.readTree(config.toFile());
    json.putArray("sample_size").add(8).add(12);
    mapper.writeValue(config.toFile(), json);
    open(folder);
    Tensor wanted = expected.tensor("unet/wide/out");
    Tensor found = Tensor.allocate(DType.FLOAT32, wanted.shape());
    model.network("unet").run(UnetInputs.read(expected, "unet/wide/"), Map.of("out_sample", found));
    Golden.assertClose("sample_size of a pair", wanted, found, TOLERANCE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd15", "sd21-v", "sd15-taesd", "lcm-full", "sdxl", "ssd1b"})
  void textEncodersMatch(String name) throws IOException {
    open(name);
    List<TextEncoder> encoders = model.textEncoders();
    for (int i = 0; i < encoders.size(); i++) {
      String prefix = i == 0 ? "text/" : "text2/";
      Tensor ids = expected.tensor(prefix + "input_ids").rows(0, 2);
      if (expected.contains(prefix + "last_hidden_state")) {
        Golden.assertClose(
            name + " " + prefix + "last_hidden_state",
            expected.tensor(prefix + "last_hidden_state"),
            encoders.get(i).encode(ids, 0, true).hiddenState(),
            TOLERANCE);
      }
      TextEncoder.Encoding penultimate = encoders.get(i).encode(ids, 1, false);
      Golden.assertClose(
          name + " " + prefix + "hidden_state_minus_2",
          expected.tensor(prefix + "hidden_state_minus_2"),
          penultimate.hiddenState(),
          TOLERANCE);
      if (expected.contains(prefix + "text_embeds")) {
        Assertions.assertNotNull(penultimate.textEmbeds());
        Golden.assertClose(
            name + " " + prefix + "text_embeds",
            expected.tensor(prefix + "text_embeds"),
            penultimate.textEmbeds(),
            TOLERANCE);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd15", "sd21-v", "sd15-taesd", "lcm-full", "sdxl", "ssd1b"})
  void autoencoderMatches(String name) throws IOException {
    open(name);
    Golden.assertClose(
        name + " decoded",
        expected.tensor("vae/decoded"),
        model.vaeDecoder().decode(expected.tensor("vae/latent")),
        TOLERANCE);
    Tensor encoded = model.vaeEncoder().orElseThrow().encode(expected.tensor("vae/image"));
    Tensor wanted = expected.tensor("vae/encoded");
    // Of AutoencoderKL's moments the reference holds the first half, the mean.
    float[] mean = Arrays.copyOf(encoded.toFloatArray(), wanted.elementCount());
    Golden.assertClose(name + " encoded", wanted, Tensor.of(mean, wanted.shape()), TOLERANCE);
  }
}
