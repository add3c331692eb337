package io.github.lcm4j.onnx;

import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The recorded inputs of a UNet evaluation. */
final class UnetInputs {
  private UnetInputs() {}

  static Map<String, Tensor> read(SafetensorsFile expected, String prefix) {
    Map<String, Tensor> inputs = new HashMap<>();
    for (String input :
        List.of("sample", "encoder_hidden_states", "timestep_cond", "text_embeds", "time_ids")) {
      if (expected.contains(prefix + input)) {
        inputs.put(input, expected.tensor(prefix + input));
      }
    }
    Tensor timesteps = expected.tensor(prefix + "timestep");
    float[] values = new float[timesteps.elementCount()];
    for (int i = 0; i < values.length; i++) {
      values[i] = timesteps.longs().get(i);
    }
    inputs.put("timestep", Tensor.of(values, values.length));
    return inputs;
  }
}
