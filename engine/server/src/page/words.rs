//! Parts of pages: text that cannot be taken for markup, times, and what is said in a word.

use runtime::store::Millis;

use crate::house::House;
use crate::records::QueuedRun;

/// Returns a text as it stands in a page, in elements and in quoted attributes (WHATWG HTML, section
/// 13.3). What no browser shows is left out.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push('\u{fffd}'),
            // They turn around what stands beside them.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c => out.push(c),
        }
    }
    out
}

/// Returns a state or verdict with its sign: colour alone says nothing.
pub(super) fn tag(word: &str) -> String {
    let sign = match word {
        "passed" | "done" => "✓",
        "failed" | "errored" => "✗",
        "running" => "◐",
        "approval" => "?",
        "waiting" => "·",
        _ => "○",
    };
    let shown = if word == "approval" { "waits for approval" } else { word };
    format!("<span class=\"tag {word}\">{sign} {shown}</span>")
}

/// Returns how a run stands, in a word.
pub(super) fn stands(run: &QueuedRun) -> &'static str {
    run.verdict.map_or(run.state.word(), |verdict| verdict.word())
}

/// Returns how long ago something was, with the time itself for who looks closer.
pub(super) fn ago(house: &House, at: Millis) -> String {
    let passed = house.now().saturating_sub(at) / 1000;
    let text = match passed {
        0..=4 => "just now".to_owned(),
        5..=119 => format!("{passed} s ago"),
        120..=7199 => format!("{} min ago", passed / 60),
        7200..=172_799 => format!("{} h ago", passed / 3600),
        _ => format!("{} days ago", passed / 86400),
    };
    format!("<time datetime=\"{0}\" title=\"{0}\">{text}</time>", exact(at))
}

/// Returns a time to the second, UTC.
pub(super) fn exact(at: Millis) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.cast_signed());
    moment.map(|moment| moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default()
}

/// Returns a length of time with its unit.
pub(super) fn took(millis: u64) -> String {
    match millis {
        0..=9_999 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        10_000..=119_999 => format!("{} s", millis / 1000),
        _ => format!("{} min {} s", millis / 60_000, millis / 1000 % 60),
    }
}

/// Returns how long a run took, or has taken so far.
pub(super) fn took_so_far(house: &House, run: &QueuedRun) -> String {
    run.started.map_or(String::new(), |started| {
        took(run.ended.unwrap_or_else(|| house.now()).saturating_sub(started))
    })
}

/// Returns a commit as people write it, with what its author says of it.
pub(super) fn commit(run: &QueuedRun) -> String {
    let cause = &run.cause;
    format!(
        "<code>{}</code> {} <span class=\"dim\">{}</span>",
        escaped(cause.short_commit()),
        escaped(&cause.title),
        escaped(&cause.author)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_text() {
        let evil = "<script>alert('1')</script>\" onload=\"x & \u{1b}[31m\u{202e}txt";
        let shown = escaped(evil);
        assert_eq!(
            shown,
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; onload=&quot;x &amp; \u{fffd}[31mtxt"
        );
    }

    #[test]
    fn times_have_units() {
        assert_eq!([took(0), took(1_234), took(61_500)], ["0.0 s", "1.2 s", "61 s"]);
        assert_eq!(took(3_725_000), "62 min 5 s");
        assert_eq!(exact(1_795_262_646_749), "2026-11-21T12:04:06Z");
    }
}
