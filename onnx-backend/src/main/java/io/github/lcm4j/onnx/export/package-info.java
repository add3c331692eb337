/**
 * Existing ONNX exports as the base: which initializer holds which parameter of the network, and a
 * graph in which some parameters have other values.
 */
@NullMarked
package io.github.lcm4j.onnx.export;

import org.jspecify.annotations.NullMarked;
