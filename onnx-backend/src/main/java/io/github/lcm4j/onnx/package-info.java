/** The ONNX Runtime backend. */
@NullMarked
package io.github.lcm4j.onnx;

import org.jspecify.annotations.NullMarked;
