/** Networks by their configuration, and checkpoints of random weights made from it. */
@NullMarked
package io.github.lcm4j.benchmarks.model;

import org.jspecify.annotations.NullMarked;
