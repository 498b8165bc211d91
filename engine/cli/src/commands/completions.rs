//! `windlass completions`: what a shell needs to complete the command line.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::args::Arguments;
use crate::call::Call;
use crate::problem::Exit;

/// Print completions for a shell
///
/// bash: windlass completions bash > ~/.local/share/bash-completion/completions/windlass
#[derive(Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(call: &Call, args: &Completions) -> Exit {
    let mut text = Vec::new();
    generate(args.shell, &mut Arguments::command(), "windlass", &mut text);
    call.screen.page(&args.shell.to_string(), &String::from_utf8_lossy(&text));
    Exit::Done
}
