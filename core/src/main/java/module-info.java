/**
 * Values, checkpoints and the pipeline of lcm4j. Knows neither ONNX Runtime nor any LoRA format; a
 * {@link io.github.lcm4j.spi.Backend} and the schedulers are found with {@link
 * java.util.ServiceLoader}.
 */
module io.github.lcm4j.core {
  requires transitive com.fasterxml.jackson.databind;
  requires io.netty.buffer;
  requires io.netty.common;
  requires transitive java.desktop;
  requires static transitive org.jspecify;

  exports io.github.lcm4j;
  exports io.github.lcm4j.checkpoint;
  exports io.github.lcm4j.random;
  exports io.github.lcm4j.safetensors;
  exports io.github.lcm4j.spi;
  exports io.github.lcm4j.tensor;
  exports io.github.lcm4j.tokenizer;

  uses io.github.lcm4j.spi.Backend;
  uses io.github.lcm4j.spi.SchedulerProvider;
}
