/** The pipeline, its requests and results: what an application uses. */
@NullMarked
package io.github.lcm4j;

import org.jspecify.annotations.NullMarked;
