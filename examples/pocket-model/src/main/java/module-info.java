/** A trained text-to-image model small enough to be a resource. */
module io.github.lcm4j.pocket {
  requires static transitive org.jspecify;

  exports io.github.lcm4j.pocket;
}
