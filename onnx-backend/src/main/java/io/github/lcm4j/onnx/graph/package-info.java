/** Networks written as ONNX graphs from a checkpoint's configuration and tensor names. */
@NullMarked
package io.github.lcm4j.onnx.graph;

import org.jspecify.annotations.NullMarked;
