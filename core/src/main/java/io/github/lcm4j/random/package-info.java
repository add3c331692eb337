/** Random numbers equal to PyTorch's CPU generator. */
@NullMarked
package io.github.lcm4j.random;

import org.jspecify.annotations.NullMarked;
