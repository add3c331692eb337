/** What was measured, and how it is written down: a Markdown page and a chart. */
@NullMarked
package io.github.lcm4j.benchmarks.report;

import org.jspecify.annotations.NullMarked;
