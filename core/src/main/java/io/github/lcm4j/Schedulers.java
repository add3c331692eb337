package io.github.lcm4j;

import io.github.lcm4j.spi.SchedulerProvider;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.ServiceLoader;

/** Finds schedulers by name among all {@link SchedulerProvider}s. */
public final class Schedulers {
  private Schedulers() {}

  /** The names of all schedulers, as diffusers writes them. */
  public static List<String> names() {
    return List.copyOf(all().keySet());
  }

  /**
   * A scheduler's factory.
   *
   * @param name the diffusers class name, or the short form: {@code LCMScheduler}, {@code lcm},
   *     {@code ddim}, {@code euler}, {@code euler-ancestral}, {@code dpmsolver}, …
   * @return the factory
   * @throws IllegalArgumentException if there is none of that name; the message lists them
   */
  public static SchedulerFactory named(String name) {
    Map<String, SchedulerFactory> all = all();
    String wanted = shortForm(name);
    for (Map.Entry<String, SchedulerFactory> entry : all.entrySet()) {
      if (shortForm(entry.getKey()).equals(wanted)) {
        return entry.getValue();
      }
    }
    if (all.isEmpty()) {
      throw new IllegalStateException(
          "no schedulers found: add io.github.lcm4j:lcm4j-scheduler to the class or module path");
    }
    throw new IllegalArgumentException(
        "unknown scheduler '%s'; there are %s".formatted(name, String.join(", ", all.keySet())));
  }

  private static String shortForm(String name) {
    return name.toLowerCase(Locale.ROOT)
        .replaceAll("[^a-z0-9+]", "")
        .replaceAll("scheduler|discrete|multistep", "");
  }

  private static Map<String, SchedulerFactory> all() {
    Map<String, SchedulerFactory> all = new LinkedHashMap<>();
    for (SchedulerProvider provider : ServiceLoader.load(SchedulerProvider.class)) {
      all.putAll(provider.schedulers());
    }
    return all;
  }
}
