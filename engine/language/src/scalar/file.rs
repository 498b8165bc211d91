//! Paths and modes of files.

use std::fmt;
use std::path::Path;

use crate::shape::ScalarShape;
use crate::spec::Leaf;

/// A path, absolute or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePath(pub String);

impl FilePath {
    /// Returns it as the standard library has it.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl Leaf for FilePath {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a path", &["string"])
        .many("paths")
        .like(&["/etc/nginx/nginx.conf"])
        .pattern(r"^[^~\s\x00]([^\x00]*[^\s\x00])?$");

    fn parse(text: &str) -> Result<Self, String> {
        path(text).map(|()| Self(text.to_owned()))
    }
}

/// A path that starts at a folder the reader knows, and does not leave it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativePath(pub String);

impl RelativePath {
    /// Returns it as the standard library has it.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl Leaf for RelativePath {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a relative path", &["string"])
        .many("relative paths")
        .like(&["templates/nginx.conf.hbs"])
        .pattern(r"^[^~/\s\x00]([^\x00]*[^\s\x00])?$");

    fn parse(text: &str) -> Result<Self, String> {
        path(text)?;
        if text.starts_with('/') {
            return Err("it is relative: leave the first `/` out".to_owned());
        }
        let mut depth = 0_usize;
        for part in text.split('/') {
            depth = match part {
                "" | "." => depth,
                ".." => depth.checked_sub(1).ok_or("`..` leads out of the folder")?,
                _ => depth + 1,
            };
        }
        Ok(Self(text.to_owned()))
    }
}

fn path(text: &str) -> Result<(), String> {
    let why = match text {
        "" => "a path is missing",
        _ if text.contains('\0') => "a path has no NUL byte",
        _ if text.contains(['\n', '\r']) => "a path stands on one line",
        _ if text.trim() != text => "no blanks before or after it",
        _ if text.starts_with('~') => "`~` is not expanded: write the path of the folder",
        _ => return Ok(()),
    };
    Err(why.to_owned())
}

/// The mode of a file, as `chmod` has it: `0644`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mode(pub u32);

impl Leaf for Mode {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a file mode", &["string", "integer"])
        .many("file modes")
        .like(&["0644", "0755"])
        .pattern("^0o?[0-7]{3,4}$");

    fn parse(text: &str) -> Result<Self, String> {
        let octal = |digits: &str| {
            let valid = (3..=4).contains(&digits.len());
            let valid = valid && digits.bytes().all(|digit| (b'0'..b'8').contains(&digit));
            valid.then(|| u32::from_str_radix(digits, 8).ok()).flatten()
        };
        let digits = text.strip_prefix("0o").or(text.strip_prefix('0'));
        match (digits.and_then(octal), octal(text)) {
            (Some(mode), _) => Ok(Self(mode)),
            (None, Some(_)) => {
                Err(format!("write `0{text}`: the leading zero says that it is octal"))
            }
            _ if text.starts_with(['u', 'g', 'o', 'a', 'r', '-', '+']) => {
                Err("write the mode as octal digits, such as `0644`".to_owned())
            }
            _ => {
                Err("write a zero and three or four digits from 0 to 7, such as `0644`".to_owned())
            }
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}
