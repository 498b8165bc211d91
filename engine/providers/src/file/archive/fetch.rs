//! An archive on this machine, wherever it comes from, and the proof that it is the right one.
//!
//! It must not be unpacked before that.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use model::{Context, Fault};

use super::checksum;
use super::spec::{ArchiveSpec, Source};
use crate::disk;
use crate::http::{self, Question};

/// An archive that may be unpacked.
pub(super) struct Fetched {
    pub(super) path: PathBuf,
    /// Of an archive on this machine: how it is seen that it is another one.
    pub(super) stamp: Option<String>,
}

/// Returns the archive; one that comes from elsewhere is written to `download`, which the caller removes,
/// whatever came of it.
pub(super) async fn fetch(
    context: &Context,
    spec: &ArchiveSpec,
    download: &Path,
) -> Result<Fetched, Fault> {
    let fetched = match &spec.source {
        Source::Path(path) => {
            let path = context.place(path);
            let stamp = stamp(&path);
            if stamp.is_none() {
                return Err(Fault::refused(format!("there is no archive {}", path.display()))
                    .help("correct `source`: it is relative to the project, or absolute"));
            }
            Fetched { path, stamp }
        }
        Source::Url(url) => {
            let question = Question {
                method: hyper::Method::GET,
                url: url.clone(),
                headers: Vec::new(),
                status: vec![200],
                time_limit: spec.time_limit.0,
                most: spec.max_size.0,
                authorities: None,
            };
            write(context, &question, download).await?;
            Fetched { path: download.to_owned(), stamp: None }
        }
    };
    if let Some(wanted) = &spec.checksum {
        context.progress.status("comparing the checksum");
        let found = checksum::of(fetched.path.clone(), wanted).await?;
        if found != *wanted {
            let source = &spec.source;
            return Err(Fault::refused(format!(
                "{source} is not what `checksum` says, but {found}"
            ))
            .help(format!("if it is the right one, write `checksum: {found}`")));
        }
    }
    Ok(fetched)
}

/// Returns what tells a file from another one that takes its place, without reading it.
pub(super) fn stamp(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some(format!("{} bytes, {}.{:09}", metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

async fn write(context: &Context, question: &Question, path: &Path) -> Result<(), Fault> {
    let failed = |error| disk::fault("write", path, &error);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file: File = file.map_err(failed)?;
    let (mut written, mut said) = (0_u64, 0);
    let mut take = |bytes: &[u8]| {
        written += bytes.len() as u64;
        let megabytes = written >> 20;
        if megabytes > said {
            said = megabytes;
            context.progress.status(&format!("fetched {megabytes} MiB"));
        }
        file.write_all(bytes).map_err(failed)
    };
    let (status, _) = http::ask_into(question, &mut take).await?;
    let message = || format!("{} answers {status}, not 200", question.url);
    match status {
        200 => Ok(()),
        429 | 500.. => Err(Fault::passing(message())),
        _ => Err(Fault::refused(message()).help("is the address right, and is it still there?")),
    }
}
