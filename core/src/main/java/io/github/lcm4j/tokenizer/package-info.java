/** CLIP's byte-pair tokenizer. */
@NullMarked
package io.github.lcm4j.tokenizer;

import org.jspecify.annotations.NullMarked;
