package io.github.lcm4j.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The program's entry. Exit codes: 0 when all was done, 2 for bad usage, 1 otherwise, with one line
 * on standard error.
 */
@Command(
    name = "lcm4j",
    description = "Stable Diffusion in four steps, in Java.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    subcommands = {
      GenerateCommand.class,
      CompareCommand.class,
      MergeCommand.class,
      ExportCommand.class,
      InspectCommand.class,
      CommandLine.HelpCommand.class
    },
    footer = {
      "",
      "Without a command the prompt is drawn, with the options of generate:",
      "  lcm4j \"panda on a teal background\"",
      "",
      "Exit code: 0 when all was done, 2 for bad usage, 1 otherwise."
    })
public final class Main implements Runnable {
  static final int FAILED = 1;
  static final int BAD_USAGE = 2;

  private static final Set<String> OWN_OPTIONS = Set.of("-h", "--help", "-V", "--version");

  @Spec private CommandSpec spec;

  Main() {
    spec = CommandSpec.create(); // replaced by picocli
  }

  /** Runs a command and ends the Java machine with its exit code. */
  public static void main(String[] args) {
    Interrupts.install();
    System.exit(run(new PrintWriter(System.out, true), new PrintWriter(System.err, true), args));
  }

  static int run(PrintWriter out, PrintWriter err, String... args) {
    CommandLine commandLine =
        new CommandLine(new Main())
            .setOut(out)
            .setErr(err)
            .setExpandAtFiles(false) // a prompt may start with @
            .setParameterExceptionHandler((fault, given) -> badUsage(fault, err))
            .setExecutionExceptionHandler(
                (fault, command, given) -> failed(fault, verbose(args), err));
    try {
      return commandLine.execute(withCommand(commandLine, args));
    } catch (Error e) { // no memory, no native library: picocli lets these through
      return failed(e, verbose(args), err);
    }
  }

  /** What is neither a command nor this command's own option is for {@code generate}. */
  private static String[] withCommand(CommandLine commandLine, String[] args) {
    if (args.length == 0
        || commandLine.getSubcommands().containsKey(args[0])
        || OWN_OPTIONS.contains(args[0])) {
      return args;
    }
    return Stream.concat(Stream.of("generate"), Stream.of(args)).toArray(String[]::new);
  }

  private static boolean verbose(String[] args) {
    return List.of(args).contains("--verbose");
  }

  private static int badUsage(ParameterException fault, PrintWriter err) {
    err.printf(
        "lcm4j: %s (%s --help lists the options)%n",
        Faults.describe(fault), fault.getCommandLine().getCommandSpec().qualifiedName());
    return BAD_USAGE;
  }

  private static int failed(Throwable fault, boolean verbose, PrintWriter err) {
    err.printf("lcm4j: %s%n", Faults.describe(fault));
    if (verbose) {
      fault.printStackTrace(err);
    }
    return FAILED;
  }

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "no prompt; for instance: lcm4j \"panda on a teal background\"");
  }

  static final class Version implements CommandLine.IVersionProvider {
    Version() {}

    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {
        "lcm4j %s, Java %s".formatted(version == null ? "(unpackaged)" : version, Runtime.version())
      };
    }
  }
}
