/** Typed, shaped, direct little-endian buffers. */
@NullMarked
package io.github.lcm4j.tensor;

import org.jspecify.annotations.NullMarked;
