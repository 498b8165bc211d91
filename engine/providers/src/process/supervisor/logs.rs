//! A service's log file: opening it, setting it aside when it has grown, and its last lines.
//!
//! Services write to the file themselves: a pipe would break, and with it the service, when the
//! supervisor dies. So what is written cannot be counted or stamped, and a file that has grown must
//! be emptied while it is written to. Where the file system can cut off a file's beginning (ext4,
//! XFS), nothing is lost; elsewhere it is copied and truncated, and what is written between the last
//! read and the cut, some microseconds, is lost. At a start it is renamed, which loses nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, fstatfs};

use super::spec::Log;

/// The last lines are looked for in this many bytes at the end.
const TAIL: u64 = 256 * 1024;
/// A longer line is cut: it is shown to people.
const LINE: usize = 2_000;

impl Log {
    /// Opens it for a service that starts, in a folder that is made if need be.
    pub(super) fn open(&self) -> io::Result<File> {
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        if self.length() > self.size {
            self.shift()?;
            if self.keep > 0 {
                fs::rename(&self.file, self.aside(1))?;
            } else {
                fs::remove_file(&self.file)?;
            }
        }
        options().append(true).open(&self.file)
    }

    /// Sets its content aside if it has grown past its size, while it is being written to.
    pub(super) fn rotate(&self) -> io::Result<()> {
        let length = self.length();
        if length <= self.size {
            return Ok(());
        }
        let mut from = OpenOptions::new().read(true).write(true).open(&self.file)?;
        let copy = self.copy_aside(&mut from)?;
        let block = fstatfs(&from)?.f_bsize.cast_unsigned().max(1);
        let whole = length / block * block;
        if whole > 0 && fallocate(&from, FallocateFlags::COLLAPSE_RANGE, 0, whole).is_ok() {
            // The rest stays where it is.
            return copy.map_or(Ok(()), |copy| copy.set_len(whole));
        }
        if let Some(mut copy) = copy {
            // What was written meanwhile.
            io::copy(&mut from, &mut copy)?;
        }
        from.set_len(0)
    }

    /// Makes a copy the first one of those set aside; none of them moves before it is whole, since
    /// a disk that is full would cost one each time.
    fn copy_aside(&self, from: &mut File) -> io::Result<Option<File>> {
        if self.keep == 0 {
            return Ok(None);
        }
        let new = self.beside("new");
        let copied = copy(from, &new).and_then(|copy| {
            self.shift()?;
            fs::rename(&new, self.aside(1)).map(|()| copy)
        });
        if copied.is_err() {
            _ = fs::remove_file(&new);
        }
        copied.map(Some)
    }

    /// Makes room for a new first one among those set aside.
    fn shift(&self) -> io::Result<()> {
        for older in (1..self.keep).rev() {
            match fs::rename(self.aside(older), self.aside(older + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn aside(&self, number: u32) -> PathBuf {
        self.beside(&number.to_string())
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.file.clone().into_os_string();
        name.push(format!(".{ending}"));
        name.into()
    }

    fn length(&self) -> u64 {
        fs::metadata(&self.file).map_or(0, |m| m.len())
    }

    /// Removes it and all that were set aside.
    pub(super) fn remove(&self) {
        _ = fs::remove_file(&self.file);
        _ = fs::remove_file(self.beside("new"));
        for number in 1..=self.keep {
            _ = fs::remove_file(self.aside(number));
        }
    }

    /// Returns its last lines, also from what was set aside last.
    pub(super) fn tail(&self, lines: usize) -> Vec<String> {
        let now = end_of(&self.file).unwrap_or_default();
        let found = last_lines(&now, lines);
        if found.len() >= lines || now.len() as u64 >= TAIL {
            return found;
        }
        let mut both = end_of(&self.aside(1)).unwrap_or_default();
        both.extend(now);
        last_lines(&both, lines)
    }
}

fn copy(from: &mut File, to: &Path) -> io::Result<File> {
    let mut to = options().write(true).truncate(true).open(to)?;
    io::copy(from, &mut to)?;
    Ok(to)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600);
    options
}

fn end_of(file: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(file)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn last_lines(bytes: &[u8], lines: usize) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let all: Vec<&str> = text.lines().collect();
    let last = all[all.len().saturating_sub(lines)..].iter();
    last.map(|line| line.chars().take(LINE).collect()).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn log(folder: &Path, size: u64, keep: u32) -> Log {
        Log { file: folder.join("web.log"), size, keep }
    }

    fn read(log: &Log, number: u32) -> String {
        let file = if number == 0 { log.file.clone() } else { log.aside(number) };
        fs::read_to_string(file).unwrap_or_default()
    }

    #[test]
    fn a_file_that_grew_is_renamed_when_the_service_starts() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = log(folder.path(), 3, 2);
        for word in ["first", "second", "third", "fourth"] {
            writeln!(log.open().expect("a log"), "{word}").expect("a line");
        }
        let kept = [0, 1, 2, 3].map(|number| read(&log, number));
        assert_eq!(kept, ["fourth\n", "third\n", "second\n", ""]);
    }

    #[test]
    fn what_is_being_written_is_set_aside_without_a_loss() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = log(folder.path(), 50_000, 9);
        let mut writer = log.open().expect("a log");
        let mut expected = String::new();
        for number in 0..30_000 {
            let line = format!("line {number}\n");
            writer.write_all(line.as_bytes()).expect("a line");
            expected.push_str(&line);
            if number % 1_000 == 0 {
                log.rotate().expect("a rotation");
            }
        }
        let kept: String = (0..=9).rev().map(|number| read(&log, number)).collect();
        assert!(read(&log, 1).len() > 40_000 && read(&log, 0).len() < 70_000);
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_disk_that_is_full_costs_nothing_that_was_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = log(folder.path(), 3, 2);
        let texts = ["now\n", "first\n", "second\n"];
        for (file, text) in [log.file.clone(), log.aside(1), log.aside(2)].iter().zip(texts) {
            fs::write(file, text).expect("a file");
        }
        for _ in 0..3 {
            // Whatever is written there meets a full disk: full(4).
            std::os::unix::fs::symlink("/dev/full", log.beside("new")).expect("a link");
            let error = log.rotate().expect_err("a full disk");
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            assert!(log.beside("new").symlink_metadata().is_err(), "a part of a copy is left");
            assert_eq!([0, 1, 2].map(|number| read(&log, number)), texts);
        }
        log.rotate().expect("there is room again");
        assert_eq!([0, 1, 2].map(|number| read(&log, number)), ["", "now\n", "first\n"]);
    }

    #[test]
    fn the_tail_reaches_into_what_was_set_aside_and_joins_a_line_that_was_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = log(folder.path(), 10, 1);
        fs::write(log.aside(1), "one\ntwo\nthr").expect("a file");
        fs::write(&log.file, "ee\nfour\n").expect("a file");
        assert_eq!(log.tail(3), ["two", "three", "four"]);
        assert_eq!(log.tail(1), ["four"]);
    }

    #[test]
    fn without_a_file_there_are_no_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(log(folder.path(), 10, 1).tail(5).is_empty());
    }
}
