package io.github.lcm4j.lora;

class Dummy {}
