//! Who may do what with a file, as people write it: `0644`.

use std::fmt;

use language::Leaf;
use language::shape::ScalarShape;

/// The permission bits of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub u32);

impl Leaf for Mode {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a file mode", &["string", "integer"])
        .like(&["0644", "0750"])
        .pattern("^[0-7]{3,4}$");

    fn parse(text: &str) -> Result<Self, String> {
        let octal = matches!(text.len(), 3 | 4).then(|| u32::from_str_radix(text, 8).ok());
        octal
            .flatten()
            .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
            .map(Self)
            .ok_or_else(|| {
                "write three or four digits from 0 to 7, such as `0644`: user, group, others"
                    .to_owned()
            })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}
