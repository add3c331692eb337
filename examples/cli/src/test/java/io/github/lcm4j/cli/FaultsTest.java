package io.github.lcm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

class FaultsTest {
  @Test
  void severalLinesBecomeOne() {
    assertEquals("a b c", Faults.describe(new IOException("a\n  b \r\n\n c\n")));
  }

  @Test
  void faultsOfFilesAreSentences() {
    assertEquals("/x does not exist", Faults.describe(new NoSuchFileException("/x")));
    assertEquals("no permission for /x", Faults.describe(new AccessDeniedException("/x")));
    assertEquals(
        "cannot use /x (DirectoryNotEmptyException)",
        Faults.describe(new DirectoryNotEmptyException("/x")));
    assertEquals(
        "/x: No space left on device",
        Faults.describe(new FileSystemException("/x", null, "No space left on device")));
  }

  @Test
  void faultWithoutMessageHasItsName() {
    assertEquals("NullPointerException", Faults.describe(new NullPointerException()));
    assertEquals("cancelled", Faults.describe(new CancellationException()));
  }

  @Test
  void missingMemorySaysHowToGetMore() {
    String line = Faults.describe(new OutOfMemoryError("Java heap space"));
    assertTrue(line.contains("Java heap space"), line);
    assertTrue(line.contains("LCM4J_JAVA_OPTS"), line);
  }

  @Test
  void libraryFaultTellsTheDeepestCause() {
    LinkageError fault =
        new ExceptionInInitializerError(
            new RuntimeException("wrapped", new UnsatisfiedLinkError("no libonnxruntime.so")));
    assertEquals(
        "a library does not load on this machine: no libonnxruntime.so", Faults.describe(fault));
  }
}
