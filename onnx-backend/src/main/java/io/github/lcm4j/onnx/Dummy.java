package io.github.lcm4j.onnx;

class Dummy {}
