package io.github.lcm4j.cli;

import io.github.lcm4j.GenerationListener;
import io.github.lcm4j.Images;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes what is being drawn after each step, in the size of the finished picture, over what was
 * there. A preview that was written stays, whatever becomes of the run.
 */
final class Previews implements GenerationListener {
  private static final String NAME = "preview";

  private final PictureFiles files;

  private Previews(PictureFiles files) {
    this.files = files;
  }

  /**
   * Previews beside pictures.
   *
   * @param output where the pictures go
   * @param count number of pictures
   * @throws IOException if previews cannot be written there
   */
  static Previews plan(Path output, int count) throws IOException {
    return new Previews(PictureFiles.plan(PictureFiles.beside(output, NAME), count));
  }

  @Override
  public void onStep(Step step) {
    try {
      List<byte[]> pictures = new ArrayList<>();
      for (int i = 0; i < step.denoised().dimension(0); i++) {
        pictures.add(PictureFiles.png(Images.resize(step.preview(i), step.width(), step.height())));
      }
      files.write(pictures);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
