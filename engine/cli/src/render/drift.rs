//! What is otherwise than it was applied: from what was applied to what was found.
//!
//! It draws the part of a plan that drifted, turned round: a plan says how it would be put right. It must
//! not offer to change anything by itself.

use std::time::Duration;

use model::plan::{Action, Item, Plan};

use super::change::{self, Room};
use super::hint::{self, Hint};
use super::line::Line;
use super::measure::{counted, number, width};
use super::plan::Detail;
use super::style::{Ink, Sign, Style};
use super::when;

/// How drift is drawn.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// How much of it.
    pub(crate) detail: Detail,
    /// How long looking took.
    pub(crate) took: Duration,
    /// What to type next, if something differs.
    pub(crate) next: Vec<Hint>,
}

/// Of one key, so many lines are shown where not everything is.
const MOST_LINES: usize = 40;
/// So many resources are shown where not everything is.
const MOST: usize = 60;

/// Returns what drifted as text.
pub(crate) fn drift(plan: &Plan, view: &View, style: Style) -> String {
    let mut out = String::new();
    let drifted: Vec<&Item> = plan.items.iter().filter(|item| item.drifted).collect();
    headline(plan, drifted.len(), view, style, &mut out);
    if drifted.is_empty() {
        return out;
    }
    out.push('\n');
    let shown = if view.detail == Detail::Summary { MOST } else { usize::MAX };
    let columns = |of: fn(&Item) -> usize| drifted.iter().map(|item| of(item)).max().unwrap_or(0);
    let kinds = columns(|item| width(&item.kind)).min(20);
    let names = columns(|item| width(&item.address)).min(style.width.saturating_sub(kinds + 8) / 2);
    for item in drifted.iter().take(shown) {
        one(item, kinds, names, view.detail, style, &mut out);
    }
    if drifted.len() > shown {
        let mut line = Line::new(style, 2);
        line.put(
            Ink::Dim,
            &format!("{} {} more differ", style.dots(), number(drifted.len() - shown)),
        );
        line.end_in(&mut out);
    }
    if !view.next.is_empty() {
        out.push('\n');
        hint::write(&view.next, style, &mut out);
    }
    out
}

fn headline(plan: &Plan, drifted: usize, view: &View, style: Style, out: &mut String) {
    let mut line = Line::new(style, 0);
    let took = when::took(when::millis(view.took));
    line.put(Ink::Bold, &plan.stack).put(Ink::Plain, "  ");
    if drifted == 0 {
        let all = counted(plan.known, "resource");
        line.put(Ink::Green, "as it was applied").put(Ink::Plain, &format!(", {all}"));
        line.right(Ink::Dim, &took, 0);
    } else {
        let differs = if drifted == 1 { "differs" } else { "differ" };
        let text = format!("{} of {} {differs}", number(drifted), number(plan.known));
        line.put(Ink::Yellow, &text).put(Ink::Plain, " from what was applied");
        line.right(Ink::Dim, &took, style.readable());
    }
    line.end_in(out);
}

fn one(item: &Item, kinds: usize, names: usize, detail: Detail, style: Style, out: &mut String) {
    let complete = detail != Detail::Summary;
    let gone = matches!(item.action, Action::Create | Action::Delete);
    let (sign, what) = match (gone, item.reasons.is_empty()) {
        (true, _) => (Sign::Delete, "gone"),
        (false, true) => (Sign::Update, "not as it was applied, nothing in the file minds"),
        (false, false) => (Sign::Update, "not as it was applied"),
    };
    let line = Line::new(style, 2);
    let mut line = if complete { line.endless() } else { line };
    line.put(sign.ink(), style.sign(sign)).put(Ink::Plain, " ");
    line.path(Ink::Dim, &item.kind, kinds).to(4 + kinds + 2);
    let room = if complete { usize::MAX } else { names };
    line.path(Ink::Bold, &item.address, room).to(4 + kinds + 2 + names + 2).put(Ink::Plain, what);
    line.end_in(out);
    let keys = item.reasons.iter().map(|reason| width(&reason.key)).max().unwrap_or(0);
    let column = change::INDENT + keys.clamp(13, 24) + 2;
    let room = Room { column, place: 0, lines: if complete { usize::MAX } else { MOST_LINES } };
    for reason in item.reasons.iter().filter(|_| !gone) {
        // What was applied first, then what was found.
        for line in change::lines(&reason.key, &reason.to, &reason.from, room, style) {
            line.end_in(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::examples::{item, plan_of, reason};

    fn drawn(items: Vec<Item>) -> String {
        let next = vec![Hint::new("What an apply would do", "windlass plan shop")];
        let view = View { detail: Detail::Summary, took: Duration::from_millis(60), next };
        let plan = Plan { known: 16, ..plan_of(items, 15) };
        drift(&plan, &view, Style::plain(80))
    }

    #[test]
    fn what_was_found_comes_after_what_was_applied() {
        let found = "server {\n  client_max_body_size 100m;\n}\n";
        let wanted = "server {\n  client_max_body_size 1m;\n}\n";
        let changed = Item {
            reasons: vec![reason("content", found, wanted, 12), reason("mode", "0666", "0644", 13)],
            drifted: true,
            ..item("config/nginx.conf", "file.template", Action::Update)
        };
        let gone = Item { drifted: true, ..item("web", "process.service", Action::Create) };
        let from_the_file = item("new", "file.text", Action::Create);
        insta::assert_snapshot!(drawn(vec![changed, gone, from_the_file]), @"
        shop  2 of 16 differ from what was applied                                0.06 s

          ~ file.template    config/nginx.conf  not as it was applied
              content        1 line changed
                server {
              -   client_max_body_size 1m;
              +   client_max_body_size 100m;
                }
              mode           0644 → 0666
          - process.service  web                gone

        What an apply would do:  windlass plan shop
        ");
    }

    #[test]
    fn without_drift_it_is_one_line() {
        insta::assert_snapshot!(drawn(Vec::new()), @"shop  as it was applied, 16 resources  0.06 s");
    }
}
