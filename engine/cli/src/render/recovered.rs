//! What a run that died had left in doubt, what was found, and what follows.
//!
//! It must not ask anything: whatever was found, it is clear how to go on.

use model::event::Verb;
use runtime::engine::Settled;

use super::line::Line;
use super::measure::{number, wrap};
use super::style::{Ink, Style};
use super::when::Moment;

/// So many are told one by one.
const MOST: usize = 20;

/// Returns what settling brought to light; empty if nothing was to be settled.
pub(crate) fn recovered(subject: &str, settled: &Settled, moment: &Moment, style: Style) -> String {
    let mut out = String::new();
    for run in &settled.abandoned {
        let text = format!(
            "a run of {} ended without finishing (run {}: its process is gone)",
            moment.clock(run.began),
            run.id
        );
        said(subject, &text, style, &mut out);
    }
    if settled.abandoned.is_empty() && !settled.recovered.is_empty() {
        said(subject, "an earlier run left something in doubt", style, &mut out);
    }
    for doubt in settled.recovered.iter().take(MOST) {
        let (was, found) = words(doubt.verb, doubt.happened);
        let text =
            format!("in doubt: {} {} was being {was}. Found: {found}", doubt.kind, doubt.step);
        for (at, text) in wrap(&text, style.readable().saturating_sub(4)).iter().enumerate() {
            let mut line = Line::new(style, if at == 0 { 2 } else { 4 });
            line.put(Ink::Plain, text);
            line.end_in(&mut out);
        }
    }
    if settled.recovered.len() > MOST {
        let rest = settled.recovered.iter().skip(MOST);
        let happened = rest.filter(|doubt| doubt.happened == Some(true)).count();
        let rest = settled.recovered.len() - MOST;
        let mut line = Line::new(style, 2);
        let text = format!(
            "{} {} more: {} had happened, {} had not",
            style.dots(),
            number(rest),
            number(happened),
            number(rest - happened)
        );
        line.put(Ink::Plain, &text);
        line.end_in(&mut out);
    }
    out
}

fn said(subject: &str, text: &str, style: Style, out: &mut String) {
    let mut line = Line::new(style, 0);
    line.put(Ink::Bold, subject).put(Ink::Plain, "  ");
    let indent = line.used();
    let mut lines = wrap(text, line.room()).into_iter();
    line.put(Ink::Yellow, &lines.next().unwrap_or_default());
    line.end_in(out);
    for text in lines {
        let mut line = Line::new(style, indent);
        line.put(Ink::Yellow, &text);
        line.end_in(out);
    }
}

fn words(verb: Verb, happened: Option<bool>) -> (&'static str, &'static str) {
    let was = match verb {
        Verb::Create => "created",
        Verb::Update => "changed",
        Verb::Delete => "destroyed",
    };
    let found = match (verb, happened) {
        (Verb::Create, Some(true)) => "it is there, and ours: kept",
        (Verb::Create, Some(false)) => "it was not made: nothing is left of it",
        (Verb::Update, Some(true)) => "it is changed: kept",
        (Verb::Update, Some(false)) => "it is as it was before",
        (Verb::Delete, Some(true)) => "it is gone: forgotten",
        (Verb::Delete, Some(false)) => "it is still there",
        (_, None) => "nothing of it runs, and nobody knows how far it came: it is done once more",
    };
    (was, found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use runtime::apply::Recovered;
    use runtime::store::{Run, RunId, RunKind};

    fn run() -> Run {
        Run {
            id: RunId(7),
            kind: RunKind::Apply,
            subject: "shop".to_owned(),
            parent: None,
            began: 1_795_169_643_000,
            ended: None,
            outcome: None,
            plan: None,
            nonce: String::new(),
            again: None,
            cause: None,
            pruned: false,
        }
    }

    fn doubt(step: &str, verb: Verb, happened: impl Into<Option<bool>>) -> Recovered {
        let (step, kind) = (step.to_owned(), "process.service".to_owned());
        Recovered { step, kind, verb, happened: happened.into() }
    }

    fn drawn(settled: &Settled) -> String {
        let moment = Moment { now: 1_795_169_943_000, zone: TimeZone::UTC };
        recovered("shop", settled, &moment, Style::plain(80))
    }

    #[test]
    fn each_doubt_says_what_was_found_and_what_follows() {
        let recovered = vec![
            doubt("web", Verb::Create, true),
            doubt("old", Verb::Delete, false),
            doubt("move", Verb::Update, None),
        ];
        insta::assert_snapshot!(drawn(&Settled { abandoned: vec![run()], recovered }), @"
        shop  a run of 10:14 ended without finishing (run 7: its process is gone)
          in doubt: process.service web was being created. Found: it is there, and
            ours: kept
          in doubt: process.service old was being destroyed. Found: it is still there
          in doubt: process.service move was being changed. Found: nothing of it runs,
            and nobody knows how far it came: it is done once more
        ");
    }

    #[test]
    fn of_very_many_the_rest_is_counted() {
        let recovered = (0..30).map(|at| doubt(&format!("item[{at}]"), Verb::Create, at % 2 == 0));
        let settled = Settled { abandoned: Vec::new(), recovered: recovered.collect() };
        assert!(drawn(&settled).ends_with("… 10 more: 5 had happened, 5 had not\n"));
    }

    #[test]
    fn without_doubt_nothing_is_said() {
        assert_eq!(drawn(&Settled::default()), "");
    }
}
