//! The hook's side of a push: tells the server what came in, and shows what comes of it to who pushes,
//! until the verdict or a gate that waits for a person. Whoever does not want to wait goes away; the runs go on.
//!
//! A push cannot be refused any more when this runs, so words and an exit code must say what failed.

mod client;
mod words;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use client::{Client, Trouble};
use words::{header, summary, verdict};

/// What the server gave the hook by environment.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Where the server is: `http://127.0.0.1:7400`.
    pub address: String,
    /// What opens its door.
    pub key: String,
    /// The repository that was pushed to.
    pub repository: String,
    /// Where it is noted that the server does not know of a push to it: it looks there.
    pub untold: PathBuf,
}

/// Tells the server of a push, whose lines are `<old> <new> <reference>`, and shows what comes of it.
/// Returns whether everything passed.
pub async fn pushed(hook: &Hook, lines: &str, out: &mut (dyn Write + Send)) -> bool {
    let moved = lines.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (old, new, reference) = (words.next()?, words.next()?, words.next()?);
        Some(json!({ "old": old, "new": new, "reference": reference }))
    });
    let moved: Value = moved.collect();
    match shown(hook, moved, out).await {
        Ok(passed) => passed,
        Err(trouble) => {
            say(out, &format!("the push is in. {trouble}\n"));
            false
        }
    }
}

async fn shown(hook: &Hook, moved: Value, out: &mut (dyn Write + Send)) -> Result<bool, Trouble> {
    let client = Client::new(hook);
    let path = format!("/api/v1/repositories/{}/pushed", hook.repository);
    let answer = client.post(&path, &moved).await.inspect_err(|_| {
        // Where this fails, too, the next push or the next start finds it.
        _ = fs::write(hook.untold.join(&hook.repository), "");
    })?;
    let runs = answer["runs"].as_array().cloned().unwrap_or_default();
    if runs.is_empty() {
        say(out, "no pipeline of this commit is started by this push (`on: { push: … }`)\n");
    }
    if let Some(project) = answer["project"].as_str().filter(|_| !runs.is_empty()) {
        say(out, &format!("the project is in {project}\n"));
    }
    let mut ended = Vec::new();
    for run in &runs {
        say(out, &header(run));
        let links = &run["links"];
        let mut shown = Shown { out: &mut *out, at_start: true, any: false };
        let output = links["output"].as_str().unwrap_or_default();
        client.stream(&format!("{output}?until=approval"), &mut shown).await?;
        let was_shown = shown.any;
        let run = client.get(links["self"].as_str().unwrap_or_default()).await?;
        say(out, &verdict(&run, was_shown));
        ended.push(run);
    }
    if ended.len() > 1 {
        say(out, &summary(&ended));
    }
    Ok(ended.iter().all(|run| run["verdict"] == "passed" || run["state"] == "approval"))
}

/// Lets what comes through, a little to the right.
struct Shown<'o> {
    out: &'o mut (dyn Write + Send),
    at_start: bool,
    any: bool,
}

impl Shown<'_> {
    fn take(&mut self, bytes: &[u8]) {
        self.any |= !bytes.is_empty();
        let mut shifted = Vec::with_capacity(bytes.len() + bytes.len() / 16);
        for byte in bytes {
            if std::mem::replace(&mut self.at_start, *byte == b'\n') && *byte != b'\n' {
                shifted.extend_from_slice(b"  ");
            }
            shifted.push(*byte);
        }
        // Whoever went away is not waited for.
        _ = self.out.write_all(&shifted).and_then(|()| self.out.flush());
    }
}

fn say(out: &mut (dyn Write + Send), text: &str) {
    _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
