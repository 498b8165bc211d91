//! A run on a terminal: a few rows that are painted over, and above them what stays.
//!
//! First what is at work, then what ended lately, then what waits, as far as it fits. It must not read
//! the terminal: its size is handed in.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::time::Duration;

use super::Options;
use super::entry;
use super::facts::{Ended, Facts, How};
use crate::render::line::Line;
use crate::render::measure::{clean, counted, number, width};
use crate::render::style::{Ink, Style};
use crate::render::when;

/// Between two frames.
const FRAME: Duration = Duration::from_millis(100);
/// Runs of more steps keep only the lines that a person may need: what failed, and what took long.
const MANY: usize = 300;
/// What takes longer keeps its line whatever the number of steps, in milliseconds.
const LONG: u64 = 2_000;
/// Fewer rows are no place to paint in.
const LEAST_ROWS: usize = 6;

/// The rows that are painted over.
pub(super) struct Painted {
    rows: usize,
    last: Option<Duration>,
    /// The rows as they stand on the screen.
    standing: Vec<String>,
    /// What ended and is still among the rows, oldest first.
    recent: VecDeque<Ended>,
    /// What is to stay above the rows, not yet written.
    stays: Vec<String>,
    /// A step that ended has a line of its own.
    listed: bool,
    /// What ended without a line of its own, by what it did.
    quiet: BTreeMap<&'static str, usize>,
}

impl Painted {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            rows: rows.max(LEAST_ROWS),
            last: None,
            standing: Vec::new(),
            recent: VecDeque::new(),
            stays: Vec::new(),
            listed: false,
            quiet: BTreeMap::new(),
        }
    }

    pub(super) fn resize(&mut self, columns: usize, rows: usize, narrower: bool) {
        self.rows = rows.max(LEAST_ROWS);
        if !narrower {
            return;
        }
        // A terminal that became narrower has broken its lines.
        let broken = self.standing.iter().map(|line| {
            let bare = width(&clean(line));
            std::iter::repeat_n(line.clone(), bare.div_ceil(columns.max(1)).max(1))
        });
        self.standing = broken.flatten().collect();
        self.last = None;
    }

    pub(super) fn tick(
        &mut self,
        facts: &mut Facts,
        options: &Options,
        now: Duration,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if self.last.is_some_and(|last| now < last + FRAME) {
            return Ok(());
        }
        self.last = Some(now);
        self.take(facts, options);
        let rows = self.frame(facts, options, now);
        self.paint(rows, out)
    }

    pub(super) fn finish(
        &mut self,
        facts: &mut Facts,
        options: &Options,
        _: Duration,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.take(facts, options);
        while let Some(ended) = self.recent.pop_front() {
            self.stay(&ended, facts, options);
        }
        if !self.quiet.is_empty() {
            let sum: usize = self.quiet.values().sum();
            let parts = self.quiet.iter().map(|(what, count)| format!("{} {what}", number(*count)));
            let parts: Vec<String> = parts.collect();
            let more = if self.listed { "more, " } else { "" };
            let text = match &parts[..] {
                [one] => format!("{more}{one}"),
                parts => format!("{} steps {more}{}", number(sum), parts.join(", ")),
            };
            let mut line = Line::new(options.style, 2);
            let sign = crate::render::style::Sign::Done;
            line.put(sign.ink(), options.style.sign(sign))
                .put(Ink::Plain, " ")
                .put(Ink::Dim, &text);
            self.stays.push(line.end());
            self.quiet.clear();
        }
        self.paint(Vec::new(), out)
    }

    /// Takes over what ended since the last frame.
    fn take(&mut self, facts: &mut Facts, options: &Options) {
        for text in std::mem::take(&mut facts.said) {
            let mut line = Line::new(options.style, 0);
            line.put(Ink::Yellow, &text);
            self.stays.push(line.end());
        }
        // Of a great many that ended in one frame only the last can be seen.
        let fresh = std::mem::take(&mut facts.fresh);
        let seen = fresh.len().saturating_sub(self.rows);
        let many = facts.counted() > MANY;
        for (at, ended) in fresh.into_iter().enumerate() {
            match many && at < seen && !is_notable(&ended) {
                true => self.count(&ended),
                false => self.recent.push_back(ended),
            }
        }
    }

    fn count(&mut self, ended: &Ended) {
        let what = match &ended.how {
            How::Done(what) => what.word(),
            How::Failed(_) => "failed",
            How::Blocked(_) => "not started",
            How::Skipped => "not needed",
        };
        *self.quiet.entry(what).or_default() += 1;
    }

    fn stay(&mut self, ended: &Ended, facts: &Facts, options: &Options) {
        if facts.counted() > MANY && !is_notable(ended) {
            return self.count(ended);
        }
        self.listed = true;
        self.stays.extend(entry::ended(facts, options, ended).map(Line::end));
    }

    /// Returns the rows as they should stand now.
    fn frame(&mut self, facts: &mut Facts, options: &Options, now: Duration) -> Vec<String> {
        let mut rows = vec![headline(facts, options, now)];
        // The cursor stands below the last row.
        let left = self.rows - 2;
        let mut at_work: Vec<_> = facts.at_work.keys().copied().collect();
        let shown_at_work = at_work.len().min(left - 1);
        if at_work.len() > shown_at_work {
            // What is at work for long is what somebody looks for.
            at_work.sort_by_key(|id| facts.at_work.get(id).map(|at_work| at_work.since));
        }
        let waiting = facts.waiting_count();
        let spare = left - shown_at_work;
        let some_waiting = waiting.min((spare / 3).max(1));
        let room = spare - some_waiting.min(spare);
        let tails = tails(facts, shown_at_work, room / 2);
        let kept = room.saturating_sub(tails);
        while self.recent.len() > kept {
            if let Some(ended) = self.recent.pop_front() {
                self.stay(&ended, facts, options);
            }
        }
        rows.extend(
            self.recent.iter().filter_map(|one| entry::ended(facts, options, one)).map(Line::end),
        );
        let each = tails.checked_div(shown_at_work).unwrap_or(0);
        for id in at_work.iter().take(shown_at_work) {
            let Some(working) = facts.at_work.get(id) else { continue };
            rows.extend(entry::at_work(facts, options, *id, working, now).map(Line::end));
            let skipped = working.tail.len().saturating_sub(each);
            rows.extend(working.tail.iter().skip(skipped).map(|text| tail(text, options.style)));
        }
        let hidden = at_work.len() - shown_at_work;
        let waiting_room = (self.rows - 1).saturating_sub(rows.len());
        rows.extend(waiting_rows(facts, options, waiting, hidden, waiting_room));
        rows.truncate(self.rows - 1);
        rows
    }

    fn paint(&mut self, rows: Vec<String>, out: &mut dyn Write) -> io::Result<()> {
        if self.stays.is_empty() && rows == self.standing {
            return Ok(());
        }
        // In one piece, so that no half frame is ever seen.
        let mut frame = String::from("\x1b[?2026h");
        if !self.standing.is_empty() {
            frame.push_str(&format!("\x1b[{}A\r", self.standing.len()));
        }
        for line in self.stays.drain(..).chain(rows.iter().cloned()) {
            frame.push_str(&line);
            frame.push_str("\x1b[K\n");
        }
        frame.push_str("\x1b[J\x1b[?2026l");
        self.standing = rows;
        out.write_all(frame.as_bytes())?;
        out.flush()
    }
}

fn is_notable(ended: &Ended) -> bool {
    match ended.how {
        How::Failed(_) => true,
        How::Done(_) => ended.took >= LONG,
        How::Blocked(_) | How::Skipped => false,
    }
}

fn headline(facts: &Facts, options: &Options, now: Duration) -> String {
    let style = Style { width: options.style.width.saturating_sub(1), ..options.style };
    let mut line = Line::new(style, 0);
    let Some(run) = &facts.run else {
        match &facts.held {
            Some((holder, since)) => {
                let waited = when::whole(when::millis(now.saturating_sub(*since)));
                line.put(Ink::Plain, &format!("waiting for {holder}"));
                line.right(Ink::Dim, &waited, style.readable());
            }
            None => _ = line.put(Ink::Dim, "starting"),
        }
        return line.end();
    };
    line.put(Ink::Bold, &run.subject);
    line.put(Ink::Plain, &format!("  {}, run {}", options.verb, run.id));
    let mut right =
        format!("{} of {} done", number(facts.over - facts.failed), number(run.counted));
    if facts.failed > 0 {
        right.push_str(&format!(", {} failed", number(facts.failed)));
    }
    let elapsed = when::whole(facts.elapsed(now));
    right.push_str(&format!(" {} {elapsed}", style.dot()));
    let ink = if facts.failed > 0 { Ink::Red } else { Ink::Plain };
    line.right(ink, &right, style.readable());
    line.end()
}

/// How many rows the last lines of what is at work get.
fn tails(facts: &Facts, shown: usize, room: usize) -> usize {
    if shown == 0 {
        return 0;
    }
    let each = (room / shown).min(3);
    each * shown.min(facts.at_work.len())
}

fn tail(text: &str, style: Style) -> String {
    let mut line = Line::new(Style { width: style.width.saturating_sub(1), ..style }, 6);
    line.put(Ink::Dim, text);
    line.end()
}

fn waiting_rows(
    facts: &mut Facts,
    options: &Options,
    waiting: usize,
    hidden: usize,
    room: usize,
) -> Vec<String> {
    let all = hidden == 0 && waiting <= room;
    let named = facts.waiting_steps(if all { room } else { room.saturating_sub(1) });
    let named_count = named.len();
    let mut rows: Vec<String> = named
        .into_iter()
        .filter_map(|id| entry::waiting(facts, options, id))
        .map(Line::end)
        .collect();
    let rest = waiting.saturating_sub(named_count);
    let mut parts = Vec::new();
    if hidden > 0 {
        parts.push(format!("{} more at work", number(hidden)));
    }
    if rest > 0 {
        parts.push(format!("{} waiting", counted(rest, "more step")));
    }
    if !parts.is_empty() {
        let mut line = Line::new(options.style, 2);
        line.put(Ink::Dim, &format!("{} {}", options.style.dots(), parts.join(", ")));
        rows.push(line.end());
    }
    rows
}
