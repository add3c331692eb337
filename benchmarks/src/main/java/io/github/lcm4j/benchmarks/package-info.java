/** JMH benchmarks of lcm4j and the command that runs them and writes the report. */
@NullMarked
package io.github.lcm4j.benchmarks;

import org.jspecify.annotations.NullMarked;
