package io.github.lcm4j.onnx.export;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TranspositionTest {
  @ParameterizedTest
  @CsvSource({"1,1", "1,7", "7,1", "64,64", "63,65", "65,63", "130,200", "0,3"})
  void elementsChangePlaces(int rows, int columns) {
    for (DType dtype : new DType[] {DType.FLOAT32, DType.FLOAT16, DType.BFLOAT16}) {
      float[] values = new float[rows * columns];
      for (int i = 0; i < values.length; i++) {
        values[i] = i % 251 - 125; // whole numbers that every type holds exactly
      }
      Tensor result = Transposition.transpose(Tensor.of(values, rows, columns).cast(dtype));

      float[] expected = new float[values.length];
      for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
          expected[column * rows + row] = values[row * columns + column];
        }
      }
      assertEquals(dtype, result.dtype());
      assertArrayEquals(new long[] {columns, rows}, result.shape());
      assertArrayEquals(expected, result.toFloatArray());
    }
  }
}
