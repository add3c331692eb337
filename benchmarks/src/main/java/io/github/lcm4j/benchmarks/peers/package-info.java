/** Runs other programs that do the same on the same weights, in turn with lcm4j. */
@NullMarked
package io.github.lcm4j.benchmarks.peers;

import org.jspecify.annotations.NullMarked;
