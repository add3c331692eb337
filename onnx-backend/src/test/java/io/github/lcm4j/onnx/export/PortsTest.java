package io.github.lcm4j.onnx.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.onnx.export.Exports.Golden;
import io.github.lcm4j.tensor.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the golden exports take and make; the names and axes are those their exporter was given. */
class PortsTest {
  @TempDir Path folder;

  @Test
  void openAxesHaveSymbols() throws IOException {
    UnetPorts ports = new Golden("sd15-torchscript", "unet").open().unetPorts();
    assertEquals("sample FLOAT[batch_size, 4, height, width]", ports.sample().toString());
    assertEquals("timestep INT64[steps]", ports.timestep().toString());
    assertEquals(
        "encoder_hidden_states FLOAT[batch_size, sequence_length, 16]",
        ports.encoderHiddenStates().toString());
    assertNull(ports.textEmbeds());
    assertNull(ports.timeIds());
    assertNull(ports.timestepCond());
    assertEquals("out_sample", ports.output().name());
    assertEquals(4, ports.output().axes().get(1).extent());
  }

  @Test
  void tracedAxesAreFixed() throws IOException {
    UnetPorts ports = new Golden("sdxl-dynamo", "unet").open().unetPorts();
    assertEquals("sample FLOAT[2, 4, 8, 8]", ports.sample().toString());
    assertEquals("timestep INT64[1]", ports.timestep().toString());
    assertTrue(ports.timestep().axes().get(0).isFixed());
    assertEquals("text_embeds FLOAT[2, 16]", String.valueOf(ports.textEmbeds()));
    assertEquals("time_ids FLOAT[2, 6]", String.valueOf(ports.timeIds()));
  }

  @ParameterizedTest
  @MethodSource("io.github.lcm4j.onnx.export.Exports#unets")
  void unetInputsAreKnownByTheirShapes(Golden export) throws IOException {
    Path file =
        new ModelEditor(export.file()).withoutPortNames().write(folder.resolve("model.onnx"));
    UnetPorts named = export.open().unetPorts();
    UnetPorts found = OnnxExport.open(file, OnnxComponent.UNET).unetPorts();
    assertEquals(named.sample().axes(), found.sample().axes());
    assertEquals(named.timestep().axes(), found.timestep().axes());
    assertEquals(named.encoderHiddenStates().axes(), found.encoderHiddenStates().axes());
    assertEquals(named.timeIds() == null, found.timeIds() == null);
    assertEquals(named.textEmbeds() == null, found.textEmbeds() == null);
    assertNull(found.timestepCond());
  }

  @Test
  void textEncodersGiveHiddenStatesInOrder() throws IOException {
    TextEncoderPorts ports =
        new Golden("sd15-torchscript", "text_encoder").open().textEncoderPorts();
    assertEquals(DType.INT64, ports.inputIds().dtype());
    assertEquals(77, ports.inputIds().axes().get(1).extent());
    assertNull(ports.attentionMask());
    assertEquals("last_hidden_state", ports.lastHiddenState().name());
    assertEquals("pooler_output", ports.poolerOutput().name());
    assertNull(ports.textEmbeds());
    assertEquals(
        List.of("hidden_states.0", "hidden_states.1", "hidden_states.2", "hidden_states.3"),
        ports.hiddenStates().stream().map(Port::name).toList());

    TextEncoderPorts second =
        new Golden("sdxl-torchscript", "text_encoder_2").open().textEncoderPorts();
    assertNull(second.poolerOutput());
    assertNotNull(second.textEmbeds());
  }

  @Test
  void autoencodersSayWhatTheyMake() throws IOException {
    VaePorts decoder = new Golden("sd15-torchscript", "vae_decoder").open().vaePorts();
    assertEquals("latent_sample", decoder.input().name());
    assertEquals("sample", decoder.output().name());
    assertFalse(decoder.moments());
    VaePorts encoder = new Golden("sdxl-torchscript", "vae_encoder").open().vaePorts();
    assertEquals("sample", encoder.input().name());
    assertEquals("latent_parameters", encoder.output().name());
    assertTrue(encoder.moments());
  }

  @Test
  void anotherNetworkIsRefused() throws IOException {
    Path file = new Golden("sd15-torchscript", "text_encoder").file();
    OnnxExport export = OnnxExport.open(file, OnnxComponent.UNET);
    String message = assertThrows(CheckpointException.class, export::unetPorts).getMessage();
    assertTrue(
        message.contains(file.toString())
            && message.contains("one input sample")
            && message.contains("input_ids INT64"),
        message);
  }

  @Test
  void inputsWithoutARoleAreRefused() throws IOException {
    Path file = new Golden("sd15-torchscript", "unet").file();
    OnnxExport export = OnnxExport.open(file, OnnxComponent.VAE_DECODER);
    String message = assertThrows(CheckpointException.class, export::vaePorts).getMessage();
    assertTrue(message.contains("cannot feed") && message.contains("timestep INT64"), message);
  }
}
