//! Results that the commands of steps leave in files: read after each attempt, kept with the logs of
//! the run, merged when somebody asks.
//!
//! It must not know the forms of reports, nor judge a step by the tests that failed: its commands do.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use model::Fault;
use model::file::pipeline::ReportForm;
use reports::{Form, Report, Source};
use serde::{Deserialize, Serialize};

use super::bundle::found;

/// In the folder of a run's logs: a line for each attempt of each step that left reports.
const NAME: &str = "reports";

/// A larger file is no report.
const LARGEST: u64 = 256 << 20;

/// File systems keep times less exactly than clocks tell them.
const SLACK: Duration = Duration::from_millis(50);

#[derive(Serialize, Deserialize)]
struct Line {
    source: Source,
    report: Report,
}

/// Reads what commands left in a folder since they began.
///
/// # Errors
/// A file is no report, or nothing matches a pattern.
pub(super) fn collect(
    folder: &Path,
    wanted: &[(ReportForm, String)],
    since: SystemTime,
) -> Result<Report, Fault> {
    let mut all = Report::default();
    for (form, pattern) in wanted {
        let (mut fresh, mut old) = (0, None);
        for path in found(folder, pattern)?.into_iter().filter(|path| path.is_file()) {
            let data = fs::metadata(&path).map_err(|error| unreadable(folder, &path, &error))?;
            if data.modified().is_ok_and(|modified| modified + SLACK < since) {
                old = Some(path);
                continue;
            }
            if data.len() > LARGEST {
                return Err(unreadable(folder, &path, &"it is larger than 256 MiB"));
            }
            let bytes = fs::read(&path).map_err(|error| unreadable(folder, &path, &error))?;
            let report = reports::read(form_of(*form), &bytes);
            let report = report.map_err(|error| unreadable(folder, &path, &error))?;
            all.tests.extend(report.tests);
            all.coverage.add(&report.coverage);
            fresh += 1;
        }
        if fresh == 0 {
            return Err(nothing(folder, pattern, old.as_deref()));
        }
    }
    Ok(all)
}

fn nothing(folder: &Path, pattern: &str, old: Option<&Path>) -> Fault {
    let fault = Fault::refused(format!("no report: nothing matches `{pattern}`"));
    match old {
        None => fault.help(format!("it is looked for in {}", folder.display())),
        Some(old) => fault.help(format!(
            "{} is older than this step: the commands did not write it",
            old.strip_prefix(folder).unwrap_or(old).display()
        )),
    }
}

fn unreadable(folder: &Path, path: &Path, why: &dyn std::fmt::Display) -> Fault {
    let path = path.strip_prefix(folder).unwrap_or(path).display();
    Fault::refused(format!("the report {path} cannot be read: {why}"))
}

fn form_of(form: ReportForm) -> Form {
    match form {
        ReportForm::Junit => Form::Junit,
        ReportForm::Robot => Form::Robot,
        ReportForm::Coverage => Form::Coverage,
    }
}

/// Keeps what one attempt of a step left, in one write.
pub(super) fn keep(folder: &Path, source: Source, report: Report) -> io::Result<()> {
    let mut line = serde_json::to_vec(&Line { source, report })?;
    line.push(b'\n');
    fs::create_dir_all(folder)?;
    OpenOptions::new().create(true).append(true).open(folder.join(NAME))?.write_all(&line)
}

/// Returns what was kept of a run, in order. A line that was cut off when the engine died is left out.
pub fn kept(folder: &Path) -> io::Result<Vec<(Source, Report)>> {
    let file = match File::open(folder.join(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let mut found = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        if let Ok(Line { source, report }) = serde_json::from_slice(&line?) {
            found.push((source, report));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JUNIT: &str = "<testsuite name='s'><testcase name='a'/></testsuite>";

    fn said(folder: &Path, pattern: &str, since: SystemTime) -> String {
        let wanted = [(ReportForm::Junit, pattern.to_owned())];
        let fault = collect(folder, &wanted, since).expect_err("no report");
        let help = fault.help.unwrap_or_default().replace(&folder.display().to_string(), "FOLDER");
        format!("{} ({help})", fault.message)
    }

    #[test]
    fn reports_are_found_read_and_kept() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("with [brackets]");
        fs::create_dir_all(folder.join("out/deep")).expect("a folder");
        for name in ["out/a.xml", "out/deep/b.xml"] {
            fs::write(folder.join(name), JUNIT).expect("a file");
        }
        let wanted = [(ReportForm::Junit, "out/**/*.xml".to_owned())];
        let report = collect(&folder, &wanted, SystemTime::UNIX_EPOCH).expect("a report");
        assert_eq!(report.tests.len(), 2);
        let source = Source { block: "unit".to_owned(), step: "unit[a]".to_owned() };
        keep(&folder, source.clone(), report.clone()).expect("kept");
        OpenOptions::new()
            .append(true)
            .open(folder.join(NAME))
            .and_then(|mut file| file.write_all(b"{\"source\":"))
            .expect("a line that was cut off");
        assert_eq!(kept(&folder).expect("what was kept"), [(source, report)]);
        assert_eq!(kept(place.path()).expect("nothing"), []);
    }

    #[test]
    fn what_is_missing_old_or_none_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let (folder, now) = (folder.path(), SystemTime::now());
        let none = "no report: nothing matches `*.xml` (it is looked for in FOLDER)";
        assert_eq!(said(folder, "*.xml", now), none);
        fs::write(folder.join("old.xml"), JUNIT).expect("a file");
        let old = "no report: nothing matches `*.xml` (old.xml is older than this step: the commands did not write it)";
        assert_eq!(said(folder, "*.xml", now + Duration::from_secs(9)), old);
        fs::write(folder.join("bad.xml"), "<testsuite>").expect("a file");
        let bad = "the report bad.xml cannot be read: line 1: the file ends in the middle ()";
        assert_eq!(said(folder, "bad.xml", now - Duration::from_secs(9)), bad);
        assert!(said(folder, "a[", now).starts_with("`a[` is no pattern of files: "));
    }
}
