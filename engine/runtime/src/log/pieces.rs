//! The logs of a run in pieces: from any place in them on, and never more at once than was asked for,
//! so that a log of any size is read in little memory.
//!
//! It must not write.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Line, folder, path};
use crate::store::RunId;

/// No line is longer, in bytes: they are cut when they are written.
const LONGEST: u64 = 512 << 10;

/// How much is looked through at once for whose lines they are.
const STRIDE: u64 = 256 << 10;

/// Reads the logs of a run in pieces.
pub struct Pieces {
    folder: PathBuf,
    slots: Vec<Slot>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Slot {
    at: u64,
    /// Whose lines these are; None: that has to be looked for.
    step: Option<Arc<str>>,
}

impl Pieces {
    /// Begins with the first line of every step.
    pub fn new(home: &Path, run: RunId) -> Self {
        Self { folder: folder(home, run), slots: Vec::new() }
    }

    /// Begins where another reader stopped, as [`Pieces::place`] says it. None: that is no place.
    pub fn from(home: &Path, run: RunId, place: &str) -> Option<Self> {
        let slot = |at: &str| Some(Slot { at: at.parse().ok()?, step: None });
        let parts = place.split('.').filter(|_| !place.is_empty());
        let slots: Option<Vec<Slot>> = parts.map(slot).collect();
        Some(Self { slots: slots?, ..Self::new(home, run) })
    }

    /// Returns where it stands: a number of bytes for each file, with dots between them.
    pub fn place(&self) -> String {
        let places: Vec<String> = self.slots.iter().map(|slot| slot.at.to_string()).collect();
        places.join(".")
    }

    /// Returns the next whole lines, each with its step, of about `most` bytes in all, or one that is
    /// longer. Nothing: there is no more so far.
    ///
    /// # Errors
    /// A log cannot be read.
    pub fn more(&mut self, most: u64) -> io::Result<Vec<(Arc<str>, Line)>> {
        let mut found = Vec::new();
        let mut taken = 0;
        for number in 0.. {
            let file = match File::open(path(&self.folder, number)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                file => file?,
            };
            let at = number as usize;
            if self.slots.len() == at {
                self.slots.push(Slot::default());
            }
            taken += self.slots[at].read(file, most, &mut found)?;
            if taken > most / 2 {
                break;
            }
        }
        found.sort_by_key(|(_, line): &(Arc<str>, Line)| line.at);
        Ok(found)
    }
}

impl Slot {
    /// Returns how many bytes it took.
    fn read(
        &mut self,
        mut file: File,
        most: u64,
        found: &mut Vec<(Arc<str>, Line)>,
    ) -> io::Result<u64> {
        if self.at > 0 && self.step.is_none() {
            self.align(&mut file)?;
        }
        file.seek(SeekFrom::Start(self.at))?;
        let mut text = Vec::new();
        file.by_ref().take(most).read_to_end(&mut text)?;
        if text.len() as u64 == most && !text.contains(&b'\n') {
            file.take(LONGEST).read_to_end(&mut text)?;
        }
        // The last line may not be written to its end yet.
        text.truncate(text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        self.at += text.len() as u64;
        for line in String::from_utf8_lossy(&text).lines() {
            match header(line) {
                Some(step) => self.step = Some(step.into()),
                None => {
                    let step = self.step.clone().unwrap_or_else(|| "".into());
                    found.push((step, Line::read(line)));
                }
            }
        }
        Ok(text.len() as u64)
    }

    /// Finds the beginning of the line that stands here, and whose it is.
    fn align(&mut self, file: &mut File) -> io::Result<()> {
        let length = file.metadata()?.len();
        self.at = self.at.min(length);
        let (mut end, mut tail) = (self.at, Vec::new());
        let mut begins = None;
        while end > 0 {
            let start = end.saturating_sub(STRIDE);
            let mut text = vec![0; (end - start) as usize];
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(&mut text)?;
            if begins.is_none() {
                begins =
                    text.iter().rposition(|byte| *byte == b'\n').map(|at| start + at as u64 + 1);
            }
            // A header may lie across two of these.
            text.extend_from_slice(&tail);
            if let Some(step) = last_header(&text, start == 0) {
                self.step = Some(step.into());
                break;
            }
            text.truncate(HEADER);
            (tail, end) = (text, start);
        }
        self.at = begins.unwrap_or(0);
        Ok(())
    }
}

/// No header is longer, in bytes: a process and the name of a step.
const HEADER: usize = 4 << 10;

fn last_header(text: &[u8], whole: bool) -> Option<String> {
    let mut lines = text.split_inclusive(|byte| *byte == b'\n').collect::<Vec<_>>();
    if !whole && !lines.is_empty() {
        lines.remove(0);
    }
    let step = |line: &&[u8]| {
        let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
        header(line).map(str::to_owned)
    };
    lines.iter().rev().filter(|line| line.starts_with(b"# ")).find_map(step)
}

/// The step in `# <process> <step>`.
fn header(line: &str) -> Option<&str> {
    line.strip_prefix("# ").and_then(|line| line.split_once(' ')).map(|(_, step)| step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    const RUN: RunId = RunId(1);

    fn logs(slots: &[&str]) -> tempfile::TempDir {
        let home = tempfile::tempdir().expect("a folder");
        let folder = folder(home.path(), RUN);
        std::fs::create_dir_all(&folder).expect("a folder");
        for (number, text) in slots.iter().enumerate() {
            std::fs::write(path(&folder, number as u32), text).expect("written");
        }
        home
    }

    fn texts(lines: Vec<(Arc<str>, Line)>) -> Vec<String> {
        lines.into_iter().map(|(step, line)| format!("{step}: {}", line.text)).collect()
    }

    #[test]
    fn a_reader_goes_on_where_another_one_stopped() {
        let home = logs(&["# 1:2:b:3 unit\n5 one\n7 three\n8 ha", "# 1:2:b:3 lint\n6 two\n"]);
        let mut pieces = Pieces::new(home.path(), RUN);
        assert_eq!(
            texts(pieces.more(1 << 20).expect("read")),
            ["unit: one", "lint: two", "unit: three"]
        );
        let place = pieces.place();
        let mut next = Pieces::from(home.path(), RUN, &place).expect("a place");
        assert_eq!(texts(next.more(1 << 20).expect("read")), [""; 0]);
        let text = "# 1:2:b:3 unit\n5 one\n7 three\n8 half\n# 1:2:b:3 deploy\n9 four\n";
        std::fs::write(path(&folder(home.path(), RUN), 0), text).expect("written");
        assert_eq!(texts(next.more(1 << 20).expect("read")), ["unit: half", "deploy: four"]);
        assert!(Pieces::from(home.path(), RUN, "1.x").is_none());
    }

    /// Whoever names a place in the middle of a line gets that line whole, under its step.
    #[test]
    fn any_place_in_a_long_log_is_a_place_to_begin() {
        let mut text = String::from("# 1:2:b:3 first\n1 a\n# 1:2:b:3 long\n");
        for n in 0..60_000 {
            _ = writeln!(text, "9 line {n} of many, each of some length to make it long");
        }
        let home = logs(&[&text]);
        for at in [1, 17, 21, 40, 100_000, 1_500_000, text.len() - 3, text.len()] {
            let mut pieces = Pieces::from(home.path(), RUN, &at.to_string()).expect("a place");
            let lines = pieces.more(1 << 20).expect("read");
            let whole = text[..at].rfind('\n').map_or(0, |end| end + 1);
            let expected = text[whole..].lines().find(|line| header(line).is_none());
            assert_eq!(
                lines.first().map(|(_, line)| line.clone()),
                expected.map(Line::read),
                "{at}"
            );
            let step = if whole < 20 { "first" } else { "long" };
            assert!(
                lines.iter().take(1).all(|(own, _)| **own == *step),
                "{at}: {:?}",
                lines.first()
            );
        }
    }

    #[test]
    fn a_line_that_is_longer_than_a_piece_comes_whole() {
        let long = "x".repeat(100_000);
        let home = logs(&[&format!("# 1:2:b:3 s\n1 {long}\n2 short\n")]);
        let mut pieces = Pieces::new(home.path(), RUN);
        let mut all = Vec::new();
        loop {
            let before = pieces.place();
            all.extend(texts(pieces.more(4096).expect("read")));
            if pieces.place() == before {
                break;
            }
        }
        assert_eq!(all, [format!("s: {long}"), "s: short".to_owned()]);
    }

    #[test]
    fn a_piece_is_no_larger_than_asked_for() {
        let line = format!("1 {}\n", "x".repeat(1000));
        let text = format!("# 1:2:b:3 s\n{}", line.repeat(2000));
        let home = logs(&[&text, &text]);
        let mut pieces = Pieces::new(home.path(), RUN);
        let mut all = 0;
        loop {
            let lines = pieces.more(100_000).expect("read");
            if lines.is_empty() {
                break;
            }
            assert!(lines.len() <= 200, "{}", lines.len());
            all += lines.len();
        }
        assert_eq!(all, 4000);
    }
}
