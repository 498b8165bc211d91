//! A run as plain lines: for files, pipes and logs.
//!
//! One line when a step ends, one when it starts to take long, and a word at least every two seconds
//! while something is at work. What ends in great numbers is counted. It must not paint over anything.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use super::Options;
use super::entry;
use super::facts::{Ended, Facts, How};
use crate::render::line::Line;
use crate::render::measure::{clean, counted, number};
use crate::render::style::{Ink, Sign};
use crate::render::when;

/// A step that takes longer is told of before it ends, in milliseconds.
const LONG: u64 = 2_000;
/// Nothing is silent for two seconds; a little less, since ticks come when they come.
const SILENCE: Duration = Duration::from_millis(1_800);
/// In runs of more steps, what ends is gathered for a second.
const MANY: usize = 100;
const GATHERED: Duration = Duration::from_secs(1);
/// More than this that ended together are counted instead.
const FEW: usize = 10;
/// So many steps at work are named in one line.
const NAMED: usize = 3;

/// What has been written so far.
#[derive(Default)]
pub(super) struct Lines {
    /// When something was written last.
    last: Option<Duration>,
    /// When what ended was written last.
    flushed: Option<Duration>,
    /// That the run began was written.
    began: bool,
    /// Who is waited for, as it was written.
    held: Option<String>,
}

impl Lines {
    pub(super) fn tick(
        &mut self,
        facts: &mut Facts,
        options: &Options,
        now: Duration,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut text = String::new();
        self.beginning(facts, options, &mut text);
        output(facts, options, &mut text);
        let many = facts.counted() > MANY;
        if !many || self.flushed.is_none_or(|flushed| now >= flushed + GATHERED) {
            self.flushed = Some(now);
            flush(facts, options, &mut text);
        }
        taking_long(facts, options, now, many, &mut text);
        let since = *self.last.get_or_insert(now);
        if text.is_empty() && now >= since + SILENCE {
            heartbeat(facts, options, now, &mut text);
        }
        self.write(&text, now, out)
    }

    pub(super) fn finish(
        &mut self,
        facts: &mut Facts,
        options: &Options,
        now: Duration,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut text = String::new();
        self.beginning(facts, options, &mut text);
        output(facts, options, &mut text);
        flush(facts, options, &mut text);
        self.write(&text, now, out)
    }

    fn write(&mut self, text: &str, now: Duration, out: &mut dyn Write) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.last = Some(now);
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn beginning(&mut self, facts: &mut Facts, options: &Options, text: &mut String) {
        if let Some((holder, _)) = &facts.held
            && self.held.as_ref() != Some(holder)
        {
            plain(&format!("waiting for {holder}"), options, text);
            self.held = Some(holder.clone());
        }
        if let Some(run) = &facts.run
            && !self.began
        {
            self.began = true;
            let steps = counted(run.counted, "step");
            let line = format!("{}  {}, run {}: {steps}", run.subject, options.verb, run.id);
            plain(&line, options, text);
        }
        for said in std::mem::take(&mut facts.said) {
            plain(&said, options, text);
        }
    }
}

fn plain(line: &str, options: &Options, text: &mut String) {
    let mut out = Line::new(options.style, 0).endless();
    out.put(Ink::Plain, line);
    out.end_in(text);
}

/// The output of steps, each line with the name of its step.
fn output(facts: &mut Facts, options: &Options, text: &mut String) {
    for (id, line) in std::mem::take(&mut facts.output) {
        let name = facts.step(id).map_or_else(String::new, entry::name);
        let mut out = Line::new(options.style, 4).endless();
        out.put(Ink::Dim, &name).put(Ink::Dim, " | ").put(Ink::Plain, &line);
        out.end_in(text);
    }
    let lost = std::mem::take(&mut facts.lost_output);
    if lost > 0 {
        let dots = options.style.dots();
        let line = format!("    {dots} {} of output left out here", counted(lost, "line"));
        plain(&line, options, text);
    }
}

/// What ended since: line by line, or counted where it is too much.
fn flush(facts: &mut Facts, options: &Options, text: &mut String) {
    let fresh = std::mem::take(&mut facts.fresh);
    let gathers = facts.counted() > MANY && fresh.len() > FEW;
    let mut sums: BTreeMap<&'static str, usize> = BTreeMap::new();
    for ended in &fresh {
        match quiet(ended).filter(|_| gathers) {
            Some(what) => *sums.entry(what).or_default() += 1,
            None => {
                if let Some(line) = entry::ended(facts, options, ended) {
                    line.end_in(text);
                }
            }
        }
    }
    if sums.is_empty() {
        return;
    }
    let parts: Vec<String> =
        sums.iter().map(|(what, count)| format!("{} {what}", number(*count))).collect();
    let (over, all) = (number(facts.over), number(facts.counted()));
    let mut line = Line::new(options.style, 2);
    line.put(Ink::Plain, options.style.sign(Sign::Done)).put(Ink::Plain, " ");
    line.put(Ink::Plain, &format!("{}  ({over} of {all})", parts.join(", ")));
    line.end_in(text);
}

/// The word under which an end is counted; None: it has a line of its own.
fn quiet(ended: &Ended) -> Option<&'static str> {
    match &ended.how {
        How::Done(what) => (ended.took < LONG).then_some(what.word()),
        How::Blocked(_) => Some("not started"),
        How::Skipped => Some("not needed"),
        How::Failed(_) => None,
    }
}

/// One line when a step starts to take long; of many at once only how many.
fn taking_long(facts: &mut Facts, options: &Options, now: Duration, many: bool, text: &mut String) {
    let mut long = Vec::new();
    for (id, at_work) in &mut facts.at_work {
        if !at_work.told && at_work.elapsed(now) >= LONG {
            at_work.told = true;
            long.push(*id);
        }
    }
    if many && long.len() > FEW {
        return;
    }
    for id in long {
        let Some(at_work) = facts.at_work.get(&id) else { continue };
        if let Some(line) = entry::at_work(facts, options, id, at_work, Duration::ZERO.max(now)) {
            line.end_in(text);
        }
    }
}

/// What is at work, longest first: `still running: web (12 s, usually 3 s): health: GET /health → 503`.
fn heartbeat(facts: &mut Facts, options: &Options, now: Duration, text: &mut String) {
    let mut at_work: Vec<_> = facts.at_work.iter().collect();
    at_work.sort_by_key(|(_, at_work)| at_work.since);
    let named = at_work.iter().take(NAMED).filter_map(|(id, at_work)| {
        let step = facts.step(**id)?;
        let doing = entry::doing(step, at_work, now, options.style);
        let so_far = entry::so_far(at_work, now);
        let colon = if doing.is_empty() { "" } else { ": " };
        Some(format!("{} ({so_far}){colon}{}", entry::name(step), clean(&doing)))
    });
    let mut parts: Vec<String> = named.collect();
    if at_work.len() > NAMED {
        parts.push(format!("{} more", number(at_work.len() - NAMED)));
    }
    // Who was told that they are still at work need not be told that they take long.
    let longest: Vec<_> = at_work.iter().take(NAMED).map(|(id, _)| **id).collect();
    for id in longest {
        facts.at_work.entry(id).and_modify(|at_work| at_work.told = true);
    }
    let line = match (&parts[..], &facts.held) {
        ([], Some((holder, since))) => {
            let waited = when::whole(when::millis(now.saturating_sub(*since)));
            format!("still waiting for {holder} ({waited})")
        }
        ([], None) if facts.run.is_none() => return,
        ([], None) => {
            let elapsed = when::whole(facts.elapsed(now));
            let (over, all) = (number(facts.over), number(facts.counted()));
            format!("still at work: {over} of {all} done ({elapsed})")
        }
        (parts, _) => format!("still running: {}", parts.join("; ")),
    };
    plain(&line, options, text);
}
