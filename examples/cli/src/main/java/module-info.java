/** The command line of lcm4j. */
module io.github.lcm4j.cli {
  requires com.google.protobuf;
  requires info.picocli;
  requires io.github.lcm4j.core;
  requires io.github.lcm4j.lora;
  requires io.github.lcm4j.onnx;
  requires io.github.lcm4j.pocket;
  requires jdk.unsupported; // signals, by reflection
  requires me.tongfei.progressbar;
  requires static transitive org.jspecify;

  opens io.github.lcm4j.cli to
      info.picocli;
}
