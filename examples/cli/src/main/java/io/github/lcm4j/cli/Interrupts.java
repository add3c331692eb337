package io.github.lcm4j.cli;

import java.lang.reflect.Proxy;
import java.util.List;

/**
 * Ends the program on Ctrl-C and its like, at once and without shutdown hooks: ONNX Runtime's own
 * hook frees its environment while another thread may be computing in it, which crashes the
 * process. Only {@link #LOCK} is waited for.
 */
final class Interrupts {
  /** Held while files are being put in place. */
  static final Object LOCK = new Object();

  private static final int SIGNALLED = 128;

  private Interrupts() {}

  /** From now on, signals that ask the program to end are answered here. */
  static void install() {
    for (String name : List.of("INT", "TERM", "HUP")) {
      try {
        handle(name);
      } catch (ReflectiveOperationException e) {
        // A system without this signal (Windows and HUP) or a Java without the class: the default
        // then stays in force.
      }
    }
  }

  /** The class is in jdk.unsupported, and the compiler warns at every mention of it. */
  private static void handle(String name) throws ReflectiveOperationException {
    Class<?> signal = Class.forName("sun.misc.Signal");
    Class<?> handler = Class.forName("sun.misc.SignalHandler");
    Object instance = signal.getConstructor(String.class).newInstance(name);
    int number = (int) signal.getMethod("getNumber").invoke(instance);
    Object end =
        Proxy.newProxyInstance(
            Interrupts.class.getClassLoader(),
            new Class<?>[] {handler},
            (proxy, method, args) -> {
              end(SIGNALLED + number);
              return null;
            });
    signal.getMethod("handle", signal, handler).invoke(null, instance, end);
  }

  private static void end(int exitCode) {
    synchronized (LOCK) {
      Runtime.getRuntime().halt(exitCode);
    }
  }
}
