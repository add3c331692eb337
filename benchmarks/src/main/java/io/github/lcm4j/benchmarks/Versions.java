package io.github.lcm4j.benchmarks;

import ai.onnxruntime.OrtEnvironment;

/** Versions of what is measured. */
final class Versions {
  private Versions() {}

  static String lcm4j() {
    String version = Versions.class.getPackage().getImplementationVersion();
    return version == null ? "unpackaged" : version;
  }

  static String onnxRuntime() {
    return OrtEnvironment.getEnvironment().getVersion();
  }
}
