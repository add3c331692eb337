/** The command line: draw pictures, compare step counts, write merged models, look into files. */
@NullMarked
package io.github.lcm4j.cli;

import org.jspecify.annotations.NullMarked;
