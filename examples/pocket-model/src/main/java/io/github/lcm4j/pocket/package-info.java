/** A trained text-to-image model small enough to be a resource. */
@NullMarked
package io.github.lcm4j.pocket;

import org.jspecify.annotations.NullMarked;
