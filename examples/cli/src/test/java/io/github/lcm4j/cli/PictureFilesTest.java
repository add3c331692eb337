package io.github.lcm4j.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PictureFilesTest {
  private static final byte[] FIRST = {1};
  private static final byte[] SECOND = {2, 2};

  @TempDir Path folder;

  @Test
  void pngIsToldByItsSuffix() {
    assertTrue(PictureFiles.isPng(Path.of("a.png")));
    assertTrue(PictureFiles.isPng(Path.of("dir.jpg", "A.PNG")));
    for (String name : List.of("a.jpg", "a", "", "/", "a.png/b", "png")) {
      assertFalse(PictureFiles.isPng(Path.of(name)), name);
    }
  }

  @Test
  void onePictureHasTheNameGivenSeveralAreNumbered() throws IOException {
    Path output = folder.resolve("out.v2.PNG");
    assertEquals(output.toString(), PictureFiles.plan(output, 1).names());
    assertEquals(
        "%s, %s".formatted(folder.resolve("out.v2-0.PNG"), folder.resolve("out.v2-1.PNG")),
        PictureFiles.plan(output, 2).names());
    assertEquals("a-0.png, a-1.png, a-2.png", PictureFiles.plan(Path.of("a.png"), 3).names());
  }

  @Test
  void placesThatCannotBeWrittenAreRefusedBeforehand() throws IOException {
    Path missing = folder.resolve("missing");
    assertFault(missing.resolve("a.png"), 1, missing + " does not exist");

    Files.createDirectory(folder.resolve("a.png"));
    assertFault(folder.resolve("a.png"), 1, "it is a folder");
    Files.createDirectory(folder.resolve("b-1.png"));
    assertFault(folder.resolve("b.png"), 2, "b-1.png: it is a folder");

    Path file = Files.createFile(folder.resolve("file"));
    assertFault(file.resolve("a.png"), 1, file + " does not exist");
  }

  private static void assertFault(Path output, int count, String expected) {
    IOException fault =
        assertThrows(IOException.class, () -> PictureFiles.plan(output, count), output.toString());
    assertTrue(fault.getMessage().contains(expected), fault.getMessage());
  }

  @Test
  void allAreWrittenAndExistingOnesReplaced() throws IOException {
    Files.write(folder.resolve("a-0.png"), new byte[100]);
    PictureFiles.plan(folder.resolve("a.png"), 2).write(List.of(FIRST, SECOND));
    assertEquals(Set.of("a-0.png", "a-1.png"), names());
    assertArrayEquals(FIRST, Files.readAllBytes(folder.resolve("a-0.png")));
    assertArrayEquals(SECOND, Files.readAllBytes(folder.resolve("a-1.png")));
  }

  @Test
  void whenTheLastFailsNoneIsLeft() throws IOException {
    PictureFiles files = PictureFiles.plan(folder.resolve("a.png"), 3);
    // Comes in the way after the check.
    Path obstacle = Files.createDirectory(folder.resolve("a-2.png"));
    Files.createFile(obstacle.resolve("content"));
    assertThrows(IOException.class, () -> files.write(List.of(FIRST, SECOND, FIRST)));
    assertEquals(Set.of("a-2.png"), names());
  }

  @Test
  void whenTheFolderIsGoneTheFaultSaysSo() throws IOException {
    Path gone = Files.createDirectory(folder.resolve("gone"));
    PictureFiles files = PictureFiles.plan(gone.resolve("a.png"), 1);
    Files.delete(gone);
    IOException fault = assertThrows(IOException.class, () -> files.write(List.of(FIRST)));
    assertTrue(Faults.describe(fault).contains("does not exist"), Faults.describe(fault));
    assertEquals(Set.of(), names());
  }

  private Set<String> names() {
    return Set.of(folder.toFile().list());
  }
}
