package io.github.lcm4j.random;

/**
 * MT19937 with the initialisation of 2002, as PyTorch and C++'s {@code std::mt19937} have it.
 *
 * <p>Matsumoto and Nishimura, <em>Mersenne Twister: a 623-dimensionally equidistributed uniform
 * pseudo-random number generator</em>, 1998.
 */
final class MersenneTwister {
  private static final int N = 624;
  private static final int M = 397;

  private final int[] state = new int[N];
  private int next = N;

  MersenneTwister(int seed) {
    state[0] = seed;
    for (int i = 1; i < N; i++) {
      state[i] = 1812433253 * (state[i - 1] ^ state[i - 1] >>> 30) + i;
    }
  }

  /** The next 32 random bits. */
  int next() {
    if (next == N) {
      regenerate();
      next = 0;
    }
    int y = state[next++];
    y ^= y >>> 11;
    y ^= y << 7 & 0x9d2c5680;
    y ^= y << 15 & 0xefc60000;
    return y ^ y >>> 18;
  }

  private void regenerate() {
    for (int i = 0; i < N; i++) {
      int y = state[i] & 0x80000000 | state[(i + 1) % N] & 0x7fffffff;
      state[i] = state[(i + M) % N] ^ y >>> 1 ^ ((y & 1) == 0 ? 0 : 0x9908b0df);
    }
  }
}
