//! Arguments in, exit code out.

fn main() -> std::process::ExitCode {
    nightjar::cli::main()
}
