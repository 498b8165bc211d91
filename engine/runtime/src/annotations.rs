//! What commands say about places in files: the workflow commands of GitHub, which many tools write
//! (`::error file=app.js,line=1::Missing semicolon`).
//!
//! Source: GitHub's "Workflow commands for GitHub Actions". It must not change what is logged.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// In the folder of a run's logs.
const NAME: &str = "annotations";

/// What is neither wrong nor doubtful.
pub const NOTICE: &str = "notice";

/// So many of one attempt of a step are kept.
pub const MOST: usize = 50;

/// What was said about a place, or about what came of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// The step that said it.
    #[serde(default)]
    pub step: String,
    /// `error`, `warning` or `notice`.
    pub level: String,
    /// The file, as it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// In a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What is to be said.
    pub message: String,
}

/// Reads a line of output; None: it says nothing of this sort.
pub fn parse(line: &str) -> Option<Annotation> {
    let (head, message) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let (level, properties) = head.split_once(' ').unwrap_or((head, ""));
    let level = level.to_ascii_lowercase();
    if !["error", "warning", NOTICE].contains(&level.as_str()) {
        return None;
    }
    let mut found = Annotation { level, message: unescaped(message), ..Annotation::default() };
    for (name, value) in properties.split(',').filter_map(|one| one.trim().split_once('=')) {
        let value = unescaped(value).replace("%3A", ":").replace("%2C", ",");
        match name {
            "file" => found.file = Some(value),
            "line" => found.line = value.parse().ok(),
            "col" => found.column = value.parse().ok(),
            "title" => found.title = Some(value),
            _ => {}
        }
    }
    Some(found)
}

/// The percent sign comes last, so that what stands for one is not read again.
fn unescaped(text: &str) -> String {
    text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
}

/// Keeps annotations with the logs of a run, in one write.
///
/// # Errors
/// They cannot be written.
pub fn keep(folder: &Path, found: &[Annotation]) -> io::Result<()> {
    let mut text = Vec::new();
    for annotation in found {
        serde_json::to_writer(&mut text, annotation)?;
        text.push(b'\n');
    }
    fs::create_dir_all(folder)?;
    OpenOptions::new().create(true).append(true).open(folder.join(NAME))?.write_all(&text)
}

/// Returns what was kept of a run, in order.
///
/// # Errors
/// It cannot be read.
pub fn kept(folder: &Path) -> io::Result<Vec<Annotation>> {
    let file = match File::open(folder.join(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let mut found = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        found.extend(serde_json::from_slice::<Annotation>(&line?).ok());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_forms_are_read() {
        let full =
            "::error file=app.js,line=1,col=5,endColumn=7,title=No, semi::Missing%0Asemi: 100%25";
        let full = parse(full).expect("an annotation");
        assert_eq!(full.file.as_deref(), Some("app.js"));
        assert_eq!((full.line, full.column), (Some(1), Some(5)));
        assert_eq!(full.message, "Missing\nsemi: 100%");
        let plain = parse("  ::warning::Look").expect("an annotation");
        assert_eq!((plain.level.as_str(), plain.message.as_str()), ("warning", "Look"));
        let named = parse("::notice file=a%2Cb%3A.c::x").expect("an annotation");
        assert_eq!(named.file.as_deref(), Some("a,b:.c"));
        for other in ["::group::Build", "::error", "error: no", "::set-output name=a::b", ":: ::"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
