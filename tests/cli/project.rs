//! A project in a folder of its own, and the binary run in it with nothing of this machine around it.

use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A project that is gone when it is dropped.
pub(crate) struct TestProject {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// What one call of the binary did.
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl TestProject {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("windlass-test-").tempdir().unwrap();
        fs::create_dir(folder.path().join("stacks")).unwrap();
        Self { folder, environment: Vec::new() }
    }

    /// A project whose one stack is `shop`, with these resources.
    pub(crate) fn of(resources: &str) -> Self {
        Self::new().stack(
            "shop",
            &format!(
                "stack: shop
resources:
{resources}"
            ),
        )
    }

    pub(crate) fn stack(self, name: &str, text: &str) -> Self {
        self.file(&format!("stacks/{name}.yml"), text)
    }

    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.place(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.place(path)).unwrap()
    }

    pub(crate) fn place(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The command, ready to be run: nothing of this process is around it.
    pub(crate) fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", self.folder.path());
        command.env("TZ", "UTC").envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Answer {
        self.answer(self.command(arguments).output().unwrap())
    }

    /// As [`Self::run`], where it must do what it is asked.
    pub(crate) fn done<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Answer {
        let answer = self.run(arguments);
        assert_eq!(answer.code, 0, "{answer}");
        answer
    }

    pub(crate) fn with_input<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
        input: &str,
    ) -> Answer {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        self.answer(child.wait_with_output().unwrap())
    }

    pub(crate) fn start<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Running<'_> {
        Running { child: Some(self.command(arguments).spawn().unwrap()), project: self }
    }

    /// As a person at a terminal of 80 columns, who waits for each of these texts and types a line.
    pub(crate) fn typed<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
        lines: &[(&str, &str)],
    ) -> Answer {
        let (mut terminal, side) = terminal();
        let mut command = self.command(arguments);
        let end = || Stdio::from(side.try_clone().unwrap());
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm-256color");
        let mut child = command.spawn().unwrap();
        drop((command, side));
        let mut seen = String::new();
        for (question, line) in lines {
            read_until(&mut terminal, &mut seen, Some(question));
            terminal.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        read_until(&mut terminal, &mut seen, None);
        let text = seen.replace('\r', "");
        let code = child.wait().unwrap().code().unwrap_or(-1);
        Answer { code, stdout: self.covered(&text), stderr: String::new() }
    }

    fn answer(&self, output: Output) -> Answer {
        let text = |bytes| self.covered(&String::from_utf8(bytes).unwrap());
        let code = output.status.code().unwrap_or(-1);
        Answer { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// What differs from one run to the next is covered.
    fn covered(&self, text: &str) -> String {
        let place = fs::canonicalize(self.folder.path()).unwrap();
        let text = text.replace(&place.display().to_string(), "/project");
        text.lines().map(|line| closed_up(&covered_line(line)) + "\n").collect()
    }
}

/// Waits until something is so.
pub(crate) fn until(what: &str, is: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        sleep(Duration::from_millis(10));
    }
}

/// Whether any process of this machine has its working directory there.
pub(crate) fn anybody_works_in(folder: &Path) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let folder = fs::canonicalize(folder).unwrap();
    let mut at = processes.filter_map(|entry| fs::read_link(entry.path().join("cwd")).ok());
    at.any(|place| place.starts_with(&folder))
}

/// Both sides of a terminal.
fn terminal() -> (File, File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    let side = File::options().read(true).write(true).open(name).unwrap();
    let size = rustix::termios::Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&side, size).unwrap();
    (File::from(ours), side)
}

/// Reads until a text has been seen, or to the end. A terminal whose other side is gone is an error.
fn read_until(terminal: &mut File, seen: &mut String, text: Option<&str>) {
    let mut bytes = std::mem::take(seen).into_bytes();
    let mut part = [0; 4096];
    loop {
        *seen = String::from_utf8_lossy(&bytes).into_owned();
        if text.is_some_and(|text| seen.contains(text)) {
            return;
        }
        match terminal.read(&mut part) {
            Ok(count) if count > 0 => bytes.extend(&part[..count]),
            _ => return,
        }
    }
}

/// A call that goes on; it is ended with the test.
pub(crate) struct Running<'p> {
    child: Option<Child>,
    project: &'p TestProject,
}

impl Running<'_> {
    pub(crate) fn id(&self) -> i32 {
        self.child.as_ref().unwrap().id().cast_signed()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_raw(self.id()).unwrap();
        rustix::process::kill_process(process, signal).unwrap();
    }

    pub(crate) fn end(mut self) -> Answer {
        self.project.answer(self.child.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stdout)?;
        if !self.stderr.is_empty() {
            write!(f, "--- stderr\n{}", self.stderr)?;
        }
        write!(f, "--- exit {}", self.code)
    }
}

/// How far to the right a time stands depends on what is covered before it.
fn closed_up(line: &str) -> String {
    match line.rsplit_once("  ") {
        Some((text, time)) if time.starts_with("N.NN s") => format!("{}  {time}", text.trim_end()),
        _ => line.to_owned(),
    }
}

/// Covers times, dates, process numbers and long hexadecimal numbers, most by as many characters.
fn covered_line(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let number = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let hex = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        let date = rest.len() >= 10 && is_date(&rest.as_bytes()[..10]);
        let clock = rest.len() >= 5 && is_clock(&rest.as_bytes()[..5]);
        let after = |at: usize| rest[at..].chars().next().is_none_or(|c| !c.is_alphanumeric());
        let unit = [" s", " ms", " min"]
            .into_iter()
            .find(|unit| rest[number..].starts_with(unit) && after(number + unit.len()));
        let fresh = out.chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '.');
        let process = out.ends_with("process ");
        let length = match () {
            // With its time, as programs write it.
            () if date && rest.as_bytes().get(10) == Some(&b'T') => rest.len().min(20),
            () if date => 10,
            // A line and a column are no time of day.
            () if clock && fresh && !out.ends_with(':') => {
                rest.find([' ', ')']).unwrap_or(rest.len()).min(8)
            }
            () if number > 0 && fresh && (unit.is_some() || process) => number,
            () if hex >= 32 || hex >= 12 && out.ends_with(' ') => hex,
            () => 0,
        };
        match length {
            0 => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
            length if process => {
                out.push('N');
                rest = &rest[length..];
            }
            // How many digits there are says how fast the machine was.
            length if number > 0 && unit == Some(" s") => {
                out.push_str("N.NN");
                rest = &rest[length..];
            }
            length => {
                let cover = |c: char| if c.is_ascii_hexdigit() { 'N' } else { c };
                out.extend(rest[..length].chars().map(cover));
                rest = &rest[length..];
            }
        }
    }
    out
}

fn is_date(bytes: &[u8]) -> bool {
    let digits = [0, 1, 2, 3, 5, 6, 8, 9];
    digits.iter().all(|at| bytes[*at].is_ascii_digit()) && bytes[4] == b'-' && bytes[7] == b'-'
}

fn is_clock(bytes: &[u8]) -> bool {
    [0, 1, 3, 4].iter().all(|at| bytes[*at].is_ascii_digit()) && bytes[2] == b':'
}

static NOT_RUN: AtomicUsize = AtomicUsize::new(0);

/// Says on the terminal itself, past the capture of the test's output, what could not be shown here.
pub(crate) fn not_run(what: &str) {
    let count = NOT_RUN.fetch_add(1, Ordering::Relaxed) + 1;
    let says = format!("\nNOT RUN ({count}): {what}\n");
    std::io::stderr().write_all(says.as_bytes()).unwrap();
}

/// A disk in memory of so many KiB, gone when it is dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None: this user may not mount one, and that was said.
    pub(crate) fn at(place: PathBuf, kib: usize) -> Option<Self> {
        fs::create_dir_all(&place).unwrap();
        let size = std::ffi::CString::new(format!("size={kib}k")).unwrap();
        let flags = rustix::mount::MountFlags::empty();
        match rustix::mount::mount("tmpfs", &place, "tmpfs", flags, Some(size.as_c_str())) {
            Ok(()) => Some(Self(place)),
            Err(error) => {
                not_run(&format!("a small disk cannot be mounted ({error}): run this as root"));
                None
            }
        }
    }

    pub(crate) fn read_only(&self) {
        rustix::mount::mount_remount(&self.0, rustix::mount::MountFlags::RDONLY, "").unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH).unwrap();
    }
}
