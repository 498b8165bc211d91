//! Why something was not done, and what to do about it.
//!
//! Wrong files are drawn by [`super::diagnostics`]. It must not decide what is a problem.

use runtime::engine::Problem;

use super::line::Line;
use super::measure::wrap;
use super::report::{explain, help_lines};
use super::style::{Ink, Style};

/// Returns a problem as text.
pub(crate) fn problem(problem: &Problem, style: Style) -> String {
    let mut out = String::new();
    let word = if problem.exit_code() == 4 { "refused" } else { "error" };
    let message = match problem {
        Problem::Refused { message, .. } => message.clone(),
        other => other.message(),
    };
    let mut lines = wrap(&message, style.readable().saturating_sub(word.len() + 2)).into_iter();
    let mut line = Line::new(style, 0);
    line.put(Ink::Red, word).put(Ink::Bold, ": ").put(Ink::Bold, &lines.next().unwrap_or_default());
    line.end_in(&mut out);
    for text in lines {
        let mut line = Line::new(style, word.len() + 2);
        line.put(Ink::Bold, &text);
        line.end_in(&mut out);
    }
    match problem {
        Problem::Refused { details, .. } => {
            details.iter().for_each(|why| reason(why, style, &mut out));
        }
        Problem::Failed(fault) => {
            explain(fault, style, &mut out);
            return out;
        }
        _ => {}
    }
    if let Some(advice) = problem.advice() {
        help_lines(&advice, style, &mut out);
    }
    out
}

/// Returns what a person should know beside the answer, as text.
pub(crate) fn remark(text: &str, help: &str, style: Style) -> String {
    let mut out = String::new();
    let mut lines = wrap(text, style.readable().saturating_sub(9)).into_iter();
    let mut line = Line::new(style, 0);
    line.put(Ink::Yellow, "warning").put(Ink::Plain, ": ");
    line.put(Ink::Plain, &lines.next().unwrap_or_default());
    line.end_in(&mut out);
    for text in lines {
        let mut line = Line::new(style, 9);
        line.put(Ink::Plain, &text);
        line.end_in(&mut out);
    }
    help_lines(help, style, &mut out);
    out
}

fn reason(why: &str, style: Style, out: &mut String) {
    for (at, text) in wrap(why, style.readable().saturating_sub(6)).iter().enumerate() {
        let mut line = Line::new(style, 4);
        line.put(Ink::Plain, if at == 0 { "- " } else { "  " }).put(Ink::Plain, text);
        line.end_in(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Fault;
    use runtime::store::StoreError;

    fn drawn(what: &Problem) -> String {
        problem(what, Style::plain(72))
    }

    #[test]
    fn what_is_refused_says_each_reason_and_what_to_do() {
        let refused = Problem::Refused {
            message: "the plan touches what is protected".to_owned(),
            help: Some("take `protect: true` away first, and apply that".to_owned()),
            details: vec!["database is protected and would be replaced".to_owned()],
        };
        insta::assert_snapshot!(drawn(&refused), @"
        refused: the plan touches what is protected
            - database is protected and would be replaced
            try: take `protect: true` away first, and apply that
        ");
    }

    #[test]
    fn what_failed_shows_last_words() {
        let fault =
            Fault::broken("cannot look at what process.service has made: the supervisor is gone")
                .details(["last line".to_owned()])
                .help("`--refresh=false` plans without looking");
        insta::assert_snapshot!(drawn(&Problem::Failed(fault)), @"
        error: cannot look at what process.service has made: the supervisor is
               gone
            | last line
            try: `--refresh=false` plans without looking
        ");
    }

    #[test]
    fn a_damaged_store_says_how_to_recover() {
        let error = StoreError::Corrupt("file is not a database".to_owned());
        insta::assert_snapshot!(drawn(&Problem::Store(error)), @"
        error: the store is damaged: file is not a database
            try: nothing was changed; put back a copy of .windlass/store.db
                 (`windlass doctor` checks it), or move it away and `windlass
                 import` what exists
        ");
    }
}
