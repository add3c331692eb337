/** LoRA files as module paths and weight changes, and the merger that folds them. */
@NullMarked
package io.github.lcm4j.lora;

import org.jspecify.annotations.NullMarked;
