package io.github.lcm4j.cli;

import io.github.lcm4j.Cancellation;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.util.List;

/**
 * Ends the program on Ctrl-C and its like, at once and without shutdown hooks: ONNX Runtime's own
 * hook frees its environment while another thread may be computing in it, which crashes the
 * process. Only {@link #LOCK} is waited for, and what is done under it {@linkplain #tidily in a way
 * that can be cancelled} is cancelled.
 */
final class Interrupts {
  /** Held while files are being put in place. */
  static final Object LOCK = new Object();

  private static final int SIGNALLED = 128;

  /** Ends what is done under the lock and may take long. */
  private static final Cancellation CANCELLATION = new Cancellation();

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

  /** Work that tidies up after itself when it is cancelled. */
  interface Work<T> {
    T run(Cancellation cancellation) throws IOException;
  }

  /** Does work that a signal ends, but not before it has tidied up. */
  static <T> T tidily(Work<T> work) throws IOException {
    synchronized (LOCK) {
      try {
        return work.run(CANCELLATION);
      } finally {
        if (CANCELLATION.isCancelled()) {
          awaitEnd();
        }
      }
    }
  }

  /** Lets the signal's thread end the program, which else might end here with another exit code. */
  private static void awaitEnd() {
    while (true) {
      try {
        LOCK.wait();
      } catch (InterruptedException e) {
        // Nothing is left to be done but to end.
      }
    }
  }

  private static void end(int exitCode) {
    CANCELLATION.cancel();
    synchronized (LOCK) {
      Runtime.getRuntime().halt(exitCode);
    }
  }
}
