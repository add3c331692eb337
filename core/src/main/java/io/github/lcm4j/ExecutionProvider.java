package io.github.lcm4j;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Where ONNX Runtime computes, with the provider's own options.
 *
 * <p>A provider that is asked for and not there is an error at {@code build()}; there is no silent
 * fall-back to the CPU.
 *
 * @param name one of the names of the constants below
 * @param options the provider's options by ONNX Runtime's names, for instance {@code device_id}
 */
public record ExecutionProvider(String name, Map<String, String> options) {
  /** The CPU; always there. */
  public static final ExecutionProvider CPU = of("CPU");

  /** NVIDIA GPUs; needs the artifact {@code onnxruntime_gpu} and the CUDA libraries. */
  public static final ExecutionProvider CUDA = of("CUDA");

  /** NVIDIA TensorRT; needs the artifact {@code onnxruntime_gpu} and TensorRT. */
  public static final ExecutionProvider TENSORRT = of("TensorRT");

  /** Apple's Core ML, on macOS. */
  public static final ExecutionProvider COREML = of("CoreML");

  /** DirectML, on Windows; needs a build of ONNX Runtime with it. */
  public static final ExecutionProvider DIRECTML = of("DirectML");

  /** Intel's OpenVINO; needs a build of ONNX Runtime with it. */
  public static final ExecutionProvider OPENVINO = of("OpenVINO");

  /** WebGPU (Vulkan, Metal or Direct3D); needs a build of ONNX Runtime with it. */
  public static final ExecutionProvider WEBGPU = of("WebGPU");

  /** Copies the options, keeping their order. */
  public ExecutionProvider {
    options = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(options));
  }

  private static ExecutionProvider of(String name) {
    return new ExecutionProvider(name, Map.of());
  }

  /**
   * A provider by its name, in any case.
   *
   * @param name for instance {@code cuda}
   * @return the provider without options
   * @throws IllegalArgumentException if there is none of that name; the message lists them
   */
  public static ExecutionProvider named(String name) {
    ExecutionProvider[] all = {CPU, CUDA, TENSORRT, COREML, DIRECTML, OPENVINO, WEBGPU};
    StringBuilder names = new StringBuilder();
    for (ExecutionProvider provider : all) {
      if (provider.name.toLowerCase(Locale.ROOT).equals(name.toLowerCase(Locale.ROOT))) {
        return provider;
      }
      names.append(names.isEmpty() ? "" : ", ").append(provider.name);
    }
    throw new IllegalArgumentException(
        "unknown execution provider '%s'; there are %s".formatted(name, names));
  }

  /** This provider with one more option. */
  public ExecutionProvider option(String key, String value) {
    Map<String, String> copy = new LinkedHashMap<>(options);
    copy.put(key, value);
    return new ExecutionProvider(name, copy);
  }

  /** This provider on the device of that number. */
  public ExecutionProvider device(int id) {
    return option("device_id", Integer.toString(id));
  }
}
