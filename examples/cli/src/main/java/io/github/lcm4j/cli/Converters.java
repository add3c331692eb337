package io.github.lcm4j.cli;

import io.github.lcm4j.ExecutionProvider;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.Precision;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Turns the text of options into values; a text that does not fit is bad usage. */
final class Converters {
  private Converters() {}

  /** {@code FILE[:WEIGHT]}. */
  static final class Lora implements ITypeConverter<LoraSpec> {
    // The greedy first group leaves only the last colon for the weight: C:\style.safetensors:0.8
    private static final Pattern WITH_WEIGHT =
        Pattern.compile("(.+):([+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?)");

    Lora() {}

    @Override
    public LoraSpec convert(String text) {
      Path whole = Path.of(text);
      Matcher matcher = WITH_WEIGHT.matcher(text);
      // A file whose own name ends like a weight is that file.
      if (Files.exists(whole) || !matcher.matches()) {
        return LoraSpec.of(whole);
      }
      double weight = Double.parseDouble(matcher.group(2));
      if (!Double.isFinite(weight)) {
        throw new TypeConversionException("the weight in '%s' is too large".formatted(text));
      }
      return LoraSpec.of(Path.of(matcher.group(1)), weight);
    }
  }

  /** {@code float32} or {@code float16}. */
  static final class PrecisionName implements ITypeConverter<Precision> {
    PrecisionName() {}

    @Override
    public Precision convert(String text) {
      try {
        return Precision.named(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  /** {@code NAME[,key=value...]}. */
  static final class Provider implements ITypeConverter<ExecutionProvider> {
    Provider() {}

    @Override
    public ExecutionProvider convert(String text) {
      String[] parts = text.split(",", -1);
      ExecutionProvider provider;
      try {
        provider = ExecutionProvider.named(parts[0].strip());
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
      for (int i = 1; i < parts.length; i++) {
        int equals = parts[i].indexOf('=');
        if (equals < 1) {
          throw new TypeConversionException(
              "'%s' is not key=value; for instance cuda,device_id=1".formatted(parts[i]));
        }
        provider =
            provider.option(
                parts[i].substring(0, equals).strip(), parts[i].substring(equals + 1).strip());
      }
      return provider;
    }
  }

  /** A seed as torch takes it: −2⁶³ to 2⁶⁴−1, of which the low 64 bits count. */
  static final class Seed implements ITypeConverter<BigInteger> {
    private static final BigInteger LEAST = BigInteger.valueOf(Long.MIN_VALUE);
    private static final int BITS = 64;

    Seed() {}

    @Override
    public BigInteger convert(String text) {
      BigInteger seed;
      try {
        seed = new BigInteger(text);
      } catch (NumberFormatException e) {
        throw new TypeConversionException("'%s' is not a whole number".formatted(text));
      }
      if (seed.bitLength() > BITS || seed.compareTo(LEAST) < 0) {
        throw new TypeConversionException(
            "%s is out of range; a seed has 64 bits: -2^63 to 2^64-1".formatted(text));
      }
      return seed;
    }
  }
}
