/** Reading JSON files; not for users of the library. */
@NullMarked
package io.github.lcm4j.json;

import org.jspecify.annotations.NullMarked;
