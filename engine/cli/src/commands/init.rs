//! `windlass init`: a commented first project that can be applied at once.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use runtime::engine::Problem;
use serde_json::json;

use crate::call::Call;
use crate::problem::{Exit, failed, usage};

/// Make a commented first project
#[derive(Args)]
pub(crate) struct Init {
    /// The folder; by default this one
    folder: Option<PathBuf>,
}

const FILES: [(&str, &str); 4] = [
    ("stacks/hello.yml", include_str!("init/hello-stack.yml")),
    ("templates/hello.txt.hbs", include_str!("init/hello.txt.hbs")),
    ("pipelines/hello.yml", include_str!("init/hello-pipeline.yml")),
    (
        ".gitignore",
        "# State, logs and the key of this project's secrets, and plans that were kept: never in Git.\n/.windlass/\n*.plan\n",
    ),
];

pub(crate) fn run(call: &Call, args: &Init) -> Result<Exit, Problem> {
    let named = args.folder.clone().unwrap_or_else(|| PathBuf::from("."));
    let folder = call.around.folder.join(&named);
    if let Some((there, _)) = FILES[..3].iter().find(|(file, _)| folder.join(file).exists()) {
        return Err(usage(
            format!("{there} is there already: nothing was written"),
            "`windlass` alone says what can be done here",
        ));
    }
    for (file, text) in FILES {
        let made = write(&folder.join(file), text).map_err(|error| {
            failed(format!("cannot write {}: {error}", folder.join(file).display()))
        })?;
        call.screen.event("file", json!({ "file": file, "made": made }));
        call.screen.note(&format!("  {} {file}", if made { "+" } else { "·" }));
    }
    let go = match named == Path::new(".") {
        true => String::new(),
        false => format!("cd {} && ", named.display()),
    };
    call.screen.answer(&format!(
        "\nLook at it:  {go}windlass plan\nMake it so:  {go}windlass apply\nRun it:      {go}windlass run hello\n"
    ));
    Ok(Exit::Done)
}

/// Leaves what is there as it is.
fn write(path: &Path, text: &str) -> io::Result<bool> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}
