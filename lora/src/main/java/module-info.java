/** Reading LoRA files and folding them into weights; knows no runtime. */
module io.github.lcm4j.lora {
  requires transitive io.github.lcm4j.core;
  requires static transitive org.jspecify;

  exports io.github.lcm4j.lora;
}
