/** What a backend and a scheduler module implement. */
@NullMarked
package io.github.lcm4j.spi;

import org.jspecify.annotations.NullMarked;
