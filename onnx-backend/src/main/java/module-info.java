/** Graphs emitted from checkpoints, existing ONNX exports, sessions and execution providers. */
module io.github.lcm4j.onnx {
  requires com.google.protobuf;
  requires com.microsoft.onnxruntime;
  requires transitive io.github.lcm4j.core;
  requires transitive io.github.lcm4j.lora;
  requires org.tribuo.util.onnx;
  requires static transitive org.jspecify;

  exports io.github.lcm4j.onnx;

  provides io.github.lcm4j.spi.Backend with
      io.github.lcm4j.onnx.OnnxBackend;
}
