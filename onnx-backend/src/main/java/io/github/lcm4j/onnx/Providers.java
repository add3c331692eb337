package io.github.lcm4j.onnx;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtProvider;
import ai.onnxruntime.OrtSession.SessionOptions;
import ai.onnxruntime.providers.OrtCUDAProviderOptions;
import ai.onnxruntime.providers.OrtTensorRTProviderOptions;
import io.github.lcm4j.ExecutionProvider;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Adds an execution provider to session options, or says what it lacks. */
final class Providers {
  private static final String GPU_ARTIFACT =
      "replace the artifact com.microsoft.onnxruntime:onnxruntime by onnxruntime_gpu";

  private Providers() {}

  static void configure(SessionOptions options, ExecutionProvider provider) {
    switch (provider.name()) {
      case "CPU" -> requireNoOptions(provider, Set.of());
      case "CUDA" -> addCuda(options, provider);
      case "TensorRT" -> addTensorRt(options, provider);
      case "CoreML" ->
          add(
              provider,
              OrtProvider.CORE_ML,
              "it comes with the artifact com.microsoft.onnxruntime:onnxruntime on macOS only",
              () -> options.addCoreML(provider.options()));
      case "DirectML" ->
          add(
              provider,
              OrtProvider.DIRECT_ML,
              "it needs Windows and a build of ONNX Runtime with DirectML",
              () -> {
                requireNoOptions(provider, Set.of("device_id"));
                options.addDirectML(deviceId(provider));
              });
      case "OpenVINO" ->
          add(
              provider,
              OrtProvider.OPEN_VINO,
              "it needs a build of ONNX Runtime with OpenVINO and Intel's OpenVINO libraries",
              () -> {
                requireNoOptions(provider, Set.of("device_type"));
                options.addOpenVINO(provider.options().getOrDefault("device_type", "CPU"));
              });
      case "WebGPU" ->
          add(
              provider,
              OrtProvider.WEBGPU,
              "it needs a build of ONNX Runtime with WebGPU",
              () -> options.addWebGPU(provider.options()));
      default -> throw new IllegalArgumentException("unknown provider " + provider.name());
    }
  }

  private interface Addition {
    void run() throws OrtException;
  }

  private static void add(
      ExecutionProvider provider, OrtProvider ortProvider, String remedy, Addition addition) {
    Set<OrtProvider> available = OrtEnvironment.getAvailableProviders();
    if (!available.contains(ortProvider)) {
      throw new UnsupportedOperationException(
          "execution provider %s is not in this build of ONNX Runtime (it has %s): %s"
              .formatted(provider.name(), names(available), remedy));
    }
    try {
      addition.run();
    } catch (OrtException e) {
      throw new UnsupportedOperationException(
          "execution provider %s is in this build of ONNX Runtime but cannot be used: %s"
              .formatted(provider.name(), e.getMessage()),
          e);
    }
  }

  private static void addCuda(SessionOptions options, ExecutionProvider provider) {
    add(
        provider,
        OrtProvider.CUDA,
        GPU_ARTIFACT + " and install CUDA and cuDNN",
        () -> {
          try (OrtCUDAProviderOptions cuda = new OrtCUDAProviderOptions(deviceId(provider))) {
            addAll(cuda::add, provider);
            options.addCUDA(cuda);
          }
        });
  }

  private static void addTensorRt(SessionOptions options, ExecutionProvider provider) {
    add(
        provider,
        OrtProvider.TENSOR_RT,
        GPU_ARTIFACT + " and install CUDA, cuDNN and TensorRT",
        () -> {
          try (OrtTensorRTProviderOptions tensorRt =
              new OrtTensorRTProviderOptions(deviceId(provider))) {
            addAll(tensorRt::add, provider);
            options.addTensorrt(tensorRt);
          }
        });
  }

  private interface OptionSink {
    void add(String key, String value) throws OrtException;
  }

  private static void addAll(OptionSink target, ExecutionProvider provider) throws OrtException {
    Map<String, String> others = new HashMap<>(provider.options());
    others.remove("device_id");
    for (Map.Entry<String, String> option : others.entrySet()) {
      target.add(option.getKey(), option.getValue());
    }
  }

  private static int deviceId(ExecutionProvider provider) {
    String id = provider.options().getOrDefault("device_id", "0");
    try {
      return Integer.parseInt(id);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("device_id must be a whole number, found " + id, e);
    }
  }

  /** An option that would be ignored is an error. */
  private static void requireNoOptions(ExecutionProvider provider, Set<String> known) {
    for (String key : provider.options().keySet()) {
      if (!known.contains(key)) {
        throw new IllegalArgumentException(
            "execution provider %s has no option %s; it takes %s"
                .formatted(
                    provider.name(), key, known.isEmpty() ? "none" : String.join(", ", known)));
      }
    }
  }

  private static String names(Set<OrtProvider> providers) {
    List<String> names = new ArrayList<>();
    for (OrtProvider provider : providers) {
      names.add(provider.getName().replace("ExecutionProvider", ""));
    }
    return String.join(", ", names);
  }
}
