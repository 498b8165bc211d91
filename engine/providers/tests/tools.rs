//! What judges what we write: tools of others (name servers', OpenSSL), and the language.
//!
//! Where a tool is not installed, the test shows less; that is said on the terminal itself, past the
//! capture of the test's output, and counted.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use language::decoder::read_with;
use language::scope::Unresolved;
use language::{Diagnostics, Document};
use model::Erased;

static NOT_RUN: AtomicUsize = AtomicUsize::new(0);

/// Runs a tool on a file and returns what it says; a tool that refuses the file fails the test. None:
/// it is not installed.
pub(crate) fn run<'a>(
    tool: &str,
    arguments: impl IntoIterator<Item = &'a OsStr>,
    file: &Path,
) -> Option<String> {
    let Ok(output) = Command::new(tool).args(arguments).arg(file).output() else {
        not_run(tool, if tool == "openssl" { "openssl" } else { "bind9-utils" });
        return None;
    };
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{tool}: {said}");
    Some(said)
}

/// Returns whether a program is installed, whose package has the same name; says so if it is not.
pub(crate) fn here(program: &str) -> bool {
    let found = Command::new(program).arg("version").output().is_ok();
    if !found {
        not_run(program, program);
    }
    found
}

fn not_run(tool: &str, package: &str) {
    not_run_because(&format!("{tool} is missing: apt-get install {package}"));
}

/// Says, past the capture of the test's output, that a test shows nothing here.
pub(crate) fn not_run_because(why: &str) {
    let count = NOT_RUN.fetch_add(1, Ordering::Relaxed) + 1;
    let says = format!("\nNOT RUN ({count}): {why}\n");
    std::io::stderr().write_all(says.as_bytes()).unwrap();
}

/// Everything that is said about keys as they stand in a file.
pub(crate) fn said(kind: &Erased, keys: &str) -> String {
    let document = Document::value(keys);
    let mut diagnostics = Diagnostics::default();
    read_with(&document, &Unresolved, &mut diagnostics, |decoder| {
        let mut keys = decoder.open(document.root(), vec![(kind.spec)()])?;
        (kind.check)(&mut keys);
        keys.close();
        Some(())
    });
    let texts = diagnostics.sorted().into_iter().flat_map(|error| {
        let labels = error.labels.into_iter().map(|label| label.text);
        std::iter::once(error.message).chain(labels).collect::<Vec<_>>()
    });
    texts.collect::<Vec<_>>().join("\n")
}
