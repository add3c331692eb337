package io.github.lcm4j.onnx.export;

import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** Folds the plainest LoRA formats, so that these tests need no other module's arithmetic. */
final class SimpleLora {
  private SimpleLora() {}

  /** The weights a LoRA file of the reference data changes: W + alpha / rank · up · down. */
  static Map<String, Tensor> fold(OnnxWeights weights, String model, String lora)
      throws IOException {
    SafetensorsFile file =
        SafetensorsFile.open(Exports.path("lora/" + model + "/" + lora + ".safetensors"));
    Map<String, Tensor> changed = new LinkedHashMap<>();
    int used = 0;
    for (String name : weights.names()) {
      if (!name.endsWith(".weight")) {
        continue;
      }
      String path = name.substring(0, name.length() - ".weight".length());
      String kohya = "lora_unet_" + path.replace('.', '_');
      Tensor base = weights.tensor(name);
      float[] values = base.toFloatArray();
      if (file.contains(kohya + ".diff")) {
        float[] difference = file.tensor(kohya + ".diff").toFloatArray();
        for (int i = 0; i < values.length; i++) {
          values[i] += difference[i];
        }
        used++;
      } else if (file.contains(kohya + ".lora_down.weight")) {
        Tensor down = file.tensor(kohya + ".lora_down.weight");
        float alpha = file.tensor(kohya + ".alpha").toFloatArray()[0];
        add(values, file.tensor(kohya + ".lora_up.weight"), down, alpha / down.dimension(0));
        used += 3;
      } else if (file.contains("unet." + path + ".lora_A.weight")) {
        add(
            values,
            file.tensor("unet." + path + ".lora_B.weight"),
            file.tensor("unet." + path + ".lora_A.weight"),
            1);
        used += 2;
      } else {
        continue;
      }
      changed.put(name, Tensor.of(values, base.shape()));
    }
    if (used != file.names().size()) {
      throw new IllegalStateException(
          "%s: %d of %d keys found a weight".formatted(lora, used, file.names().size()));
    }
    return changed;
  }

  private static void add(float[] weight, Tensor up, Tensor down, float scale) {
    int rank = (int) down.dimension(0);
    float[] left = up.toFloatArray();
    float[] right = down.toFloatArray();
    int columns = right.length / rank;
    for (int i = 0; i < weight.length; i++) {
      float sum = 0;
      for (int r = 0; r < rank; r++) {
        sum += left[i / columns * rank + r] * right[r * columns + i % columns];
      }
      weight[i] += scale * sum;
    }
  }
}
