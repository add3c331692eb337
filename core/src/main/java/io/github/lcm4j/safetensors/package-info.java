/** Reading and writing the safetensors format over memory-mapped files. */
@NullMarked
package io.github.lcm4j.safetensors;

import org.jspecify.annotations.NullMarked;
