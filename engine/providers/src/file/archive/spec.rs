//! The keys and attributes of `file.archive`.

use std::fmt;

use language::scalar::{FilePath, Url};
use language::shape::ScalarShape;
use language::{Keys, Leaf, Period, Size, Spec};
use model::Fault;

use super::Checksum;
use crate::disk;

/// A folder with what is in an archive.
#[derive(Debug, Spec)]
#[spec(check = check)]
pub struct ArchiveSpec {
    /// The archive: a path, relative to the project or absolute, or an address.
    pub source: Source,
    /// What proves that it is the right one: `sha256:`, `sha512:` or `blake3:` and the digits. An
    /// address needs it. With it, the same archive may come from elsewhere without being unpacked
    /// again.
    pub checksum: Option<Checksum>,
    /// The folder for what is in it: relative to the project, or absolute. Everything in the folder
    /// belongs to the archive: what is added or changed there goes when it is unpacked again.
    #[spec(replaces)]
    pub destination: FilePath,
    /// What kind of archive it is; without this, the end of its name says so.
    pub format: Option<Format>,
    /// So many folders at the beginning of each name in the archive are left out.
    #[spec(default = "0")]
    pub strip_components: u32,
    /// The most that may be fetched, and that may come out of it.
    #[spec(default = "4GiB")]
    pub max_size: Size,
    /// How long it may take to fetch it.
    #[spec(default = "10m")]
    pub time_limit: Period,
    /// Puts it in the place of a folder that is there already and not empty.
    #[spec(default = "false")]
    pub adopt: bool,
}

/// What kind of archive it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub enum Format {
    /// Not compressed.
    Tar,
    /// Compressed with gzip.
    TarGz,
    /// Compressed with xz.
    TarXz,
    /// A zip file.
    Zip,
}

/// What it gives.
#[derive(Debug, Spec)]
pub struct ArchiveObject {
    /// The absolute path of the folder.
    #[spec(follows = "")]
    pub full_path: String,
    /// A hash of the archive and of what is in the folder.
    #[spec(follows = "destination, source, checksum, strip_components")]
    pub digest: String,
    /// How many files are in it.
    #[spec(follows = "destination, source, checksum, strip_components")]
    pub files: String,
    /// How many bytes they have.
    #[spec(follows = "destination, source, checksum, strip_components")]
    pub size: String,
}

/// Where an archive comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file on this machine.
    Path(String),
    /// Something to be fetched.
    Url(Url),
}

impl Leaf for Source {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a path or a URL", &["string"])
        .like(&["https://example.org/app-1.2.tar.gz", "vendor/app-1.2.zip"]);

    fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return Url::parse(text).map(Self::Url);
        }
        FilePath::parse(text).map(|path| Self::Path(path.0))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(path),
            Self::Url(url) => url.fmt(f),
        }
    }
}

impl ArchiveSpec {
    /// Returns what kind of archive it is, as it is said or as its name ends.
    pub(super) fn format(&self) -> Result<Format, Fault> {
        self.format.or_else(|| self.format_by_name()).ok_or_else(|| {
            Fault::refused(format!("{} does not say what kind of archive it is", self.source))
                .help("say it with `format`")
        })
    }

    fn format_by_name(&self) -> Option<Format> {
        let name = match &self.source {
            Source::Path(path) => path.as_str(),
            Source::Url(url) => url.path().split('?').next().unwrap_or_default(),
        };
        let name = name.to_ascii_lowercase();
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        match () {
            () if ends(&[".tar"]) => Some(Format::Tar),
            () if ends(&[".tar.gz", ".tgz"]) => Some(Format::TarGz),
            () if ends(&[".tar.xz", ".txz"]) => Some(Format::TarXz),
            () if ends(&[".zip"]) => Some(Format::Zip),
            () => None,
        }
    }
}

fn check(spec: &ArchiveSpec, keys: &mut Keys<'_, '_, '_>) {
    disk::check_own(keys, "destination", &spec.destination.0);
    if matches!(spec.source, Source::Url(_)) && spec.checksum.is_none() {
        keys.refuse(
            "source",
            "an address needs a `checksum`: what it gives may be another thing tomorrow",
        );
    }
    if spec.format.is_none() && spec.format_by_name().is_none() {
        keys.refuse(
            "source",
            "its name does not say what kind of archive it is: say it with `format`",
        );
    }
}
