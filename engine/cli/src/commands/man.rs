//! `windlass man`: manual pages, one for each verb, from the same declarations as the help.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_mangen::Man as Page;
use runtime::engine::Problem;
use serde_json::json;

use crate::args::Arguments;
use crate::call::Call;
use crate::problem::{Exit, failed};

/// Write manual pages
#[derive(Args)]
pub(crate) struct Man {
    /// The folder for one page a command; without it the main page is printed
    folder: Option<PathBuf>,
}

pub(crate) fn run(call: &Call, args: &Man) -> Result<Exit, Problem> {
    let unwritten = |error: io::Error| failed(format!("cannot write the manual: {error}"));
    let main = Arguments::command();
    let Some(folder) = &args.folder else {
        let mut text = Vec::new();
        Page::new(main).render(&mut text).map_err(unwritten)?;
        call.screen.page("windlass.1", &String::from_utf8_lossy(&text));
        return Ok(Exit::Done);
    };
    let folder = call.around.folder.join(folder);
    std::fs::create_dir_all(&folder).map_err(unwritten)?;
    let mut main = main;
    main.build();
    let count = write(&folder, &main, "windlass").map_err(unwritten)?;
    call.screen.event("file", json!({ "file": folder, "made": true }));
    call.screen.note(&format!("{count} pages in {}", folder.display()));
    Ok(Exit::Done)
}

/// A page for the command and one for each of its own.
fn write(folder: &Path, command: &clap::Command, name: &str) -> io::Result<usize> {
    let mut text = Vec::new();
    Page::new(command.clone().name(name.to_owned())).render(&mut text)?;
    std::fs::write(folder.join(format!("{name}.1")), text)?;
    let mut count = 1;
    for own in command.get_subcommands().filter(|own| !own.is_hide_set()) {
        count += write(folder, own, &format!("{name}-{}", own.get_name()))?;
    }
    Ok(count)
}
