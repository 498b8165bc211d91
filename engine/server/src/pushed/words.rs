//! What is said of a run before its output and after it.

use serde_json::Value;

/// Says which run it is, for what, and where it can be looked at.
pub(super) fn header(run: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let commit = text(&run["cause"]["commit"]);
    let commit = commit.get(..7).unwrap_or(&commit);
    let title = shortened(&text(&run["cause"]["title"]));
    let waits = match run["state"].as_str() {
        Some("waiting") => "",
        _ => " goes on",
    };
    format!(
        "{}  run {}{waits} of {commit} “{title}”  {}\n",
        text(&run["pipeline"]),
        run["run"],
        text(&run["page"])
    )
}

fn shortened(title: &str) -> String {
    const MOST: usize = 40;
    match title.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", title[..at].trim_end()),
        None => title.to_owned(),
    }
}

/// Says how a run ended, whose output was shown or had nothing in it.
pub(super) fn verdict(run: &Value, was_shown: bool) -> String {
    // What kept a run from beginning was shown as its output.
    let said = was_shown && run["project_run"].is_null();
    let message = run["message"].as_str().filter(|_| !said).map(first_line).unwrap_or_default();
    let because = if message.is_empty() { String::new() } else { format!(": {message}") };
    let (sign, words) = ending(run);
    let then = match run["verdict"].as_str() {
        Some("failed") => {
            "\n  the push is in, and what ran before still runs; push a commit that mends it"
        }
        None if run["state"] == "approval" => return waits(run),
        None => return format!("{words}: {}\n", run["page"].as_str().unwrap_or_default()),
        _ => "",
    };
    format!("{sign} {words}{because}{then}\n")
}

/// Says in a line each how several runs ended.
pub(super) fn summary(runs: &[Value]) -> String {
    let name = |run: &Value| run["pipeline"].as_str().unwrap_or_default().to_owned();
    let widest = runs.iter().map(|run| name(run).chars().count()).max().unwrap_or_default();
    let line = |run| {
        let (sign, words) = ending(run);
        format!("{sign} {:widest$}  {words}\n", name(run))
    };
    format!("\n{}", runs.iter().map(line).collect::<String>())
}

/// How a run stands, as a sign and in words.
fn ending(run: &Value) -> (&'static str, String) {
    let took = |from: &Value| Some(run["ended"].as_u64()?.saturating_sub(from.as_u64()?));
    let took = took(&run["started"]).or_else(|| took(&run["queued"])).unwrap_or_default();
    let took = format!("{}.{} s", took / 1000, took % 1000 / 100);
    match run["verdict"].as_str() {
        Some("passed") => ("✓", format!("passed in {took}")),
        Some("failed") => ("✗", format!("FAILED after {took}")),
        Some("superseded") => ("○", "left out".to_owned()),
        Some("cancelled") => ("○", "ended".to_owned()),
        _ if run["state"] == "approval" => ("?", "waits for approval".to_owned()),
        _ => (" ", format!("run {} goes on", run["run"])),
    }
}

/// Says that a run waits for a person, where it is looked at, and how it is approved.
fn waits(run: &Value) -> String {
    let page = run["page"].as_str().unwrap_or_default();
    let own = run["links"]["self"].as_str().unwrap_or_default();
    let shown = own.strip_prefix("/api/v1").unwrap_or(own);
    let server = page.strip_suffix(shown).unwrap_or_default();
    format!(
        "? waits for approval: {page}\n  the push is in; the run goes on once somebody says yes:\n  \
         curl -d '{{\"by\": \"NAME\"}}' {server}{own}/approve\n  \
         (no: \"reject\": true beside it; where the server has tokens: -H 'Authorization: Bearer TOKEN')\n"
    )
}

fn first_line(text: &str) -> String {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}
