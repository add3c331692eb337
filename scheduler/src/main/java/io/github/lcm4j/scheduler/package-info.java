/** Schedulers that follow diffusers' classes of the same names. */
@NullMarked
package io.github.lcm4j.scheduler;

import org.jspecify.annotations.NullMarked;
