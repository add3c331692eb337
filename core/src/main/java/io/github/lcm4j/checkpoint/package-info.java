/** Diffusers checkpoint folders: which parts there are, their configuration and their weights. */
@NullMarked
package io.github.lcm4j.checkpoint;

import org.jspecify.annotations.NullMarked;
