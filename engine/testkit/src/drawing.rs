//! A plan as plain text, for tables of cases. (What people see belongs to the command line.)

use std::fmt::Write;

use model::plan::{Action, Item, OutputChange, Plan, Reason, Step};
use model::value::Piece;
use model::{Order, Value};

/// Returns what would change.
pub fn text(plan: &Plan) -> String {
    let mut out = headline(plan);
    for item in &plan.items {
        _ = writeln!(out, "{}", line(item));
        for reason in &item.reasons {
            _ = writeln!(out, "{}", reason_line(reason));
        }
    }
    for output in &plan.outputs {
        _ = writeln!(out, "{}", output_line(output));
    }
    for refused in &plan.refused {
        _ = writeln!(out, "  ! {refused}");
    }
    out
}

/// Returns the steps and what each waits for.
pub fn order(plan: &Plan) -> String {
    let step = |step: &Step| {
        let needs: Vec<&str> = step.needs.iter().map(model::Address::as_str).collect();
        match needs.is_empty() {
            true => step.name.to_string(),
            false => format!("{} after {}", step.name, needs.join(", ")),
        }
    };
    plan.steps.iter().map(step).collect::<Vec<_>>().join("\n")
}

/// Returns where two texts part, with what stands around it.
pub fn parting(a: &str, b: &str) -> Option<(String, String)> {
    let at = a.bytes().zip(b.bytes()).position(|(a, b)| a != b);
    let at = at.unwrap_or(a.len().min(b.len()));
    let around = |text: &str| {
        let bytes = &text.as_bytes()[at.saturating_sub(200)..text.len().min(at + 200)];
        String::from_utf8_lossy(bytes).into_owned()
    };
    (a != b).then(|| (around(a), around(b)))
}

fn headline(plan: &Plan) -> String {
    let counts = [
        ("to create", plan.count(|action| action == Action::Create)),
        ("to update", plan.count(|action| action == Action::Update)),
        ("to replace", plan.count(|action| matches!(action, Action::Replace { .. }))),
        ("to delete", plan.count(|action| action == Action::Delete)),
        ("to forget", plan.count(|action| action == Action::Forget)),
        ("to remember", plan.count(|action| action == Action::Remember)),
    ];
    let counts: Vec<String> = (counts.iter())
        .filter(|(_, count)| *count > 0)
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    match counts.is_empty() {
        true => format!("{}  unchanged, {} resources\n", plan.stack, plan.unchanged),
        false => format!("{}  {}, {} unchanged\n", plan.stack, counts.join(", "), plan.unchanged),
    }
}

fn line(item: &Item) -> String {
    let (sign, what) = match item.action {
        Action::Create => ("+", ""),
        Action::Update => ("~", ""),
        Action::Replace { order: Order::CreateFirst, sure: true } => ("±", "create first"),
        Action::Replace { order: Order::CreateFirst, .. } => ("±", "create first, if it must"),
        Action::Replace { order: Order::DestroyFirst, sure: true } => ("±", "destroy first"),
        Action::Replace { order: Order::DestroyFirst, .. } => ("±", "destroy first, if it must"),
        Action::Delete => ("-", ""),
        Action::Forget => (".", "stays, no longer looked after"),
        Action::Remember => (">", ""),
    };
    let note = item.note.as_deref().unwrap_or("");
    let notes: Vec<&str> = [what, note].into_iter().filter(|note| !note.is_empty()).collect();
    let line = format!("  {sign} {:<10} {:<8} {}", item.kind, item.address, notes.join("; "));
    line.trim_end().to_owned()
}

fn reason_line(reason: &Reason) -> String {
    let place = reason.at.as_ref().map_or(String::new(), |at| format!("{}:{}", at.file, at.line));
    let forces = if reason.forces { "replaces" } else { "" };
    let change = match (&reason.from, &reason.to) {
        (from, to) if hides(from) && hides(to) => "(secret, changed)".to_owned(),
        (from, to) => format!("{} → {}", shown(from), shown(to)),
    };
    format!("      {:<10} {change}  {forces}  {place}", reason.key).trim_end().to_owned()
}

fn output_line(output: &OutputChange) -> String {
    let shown = |value: &Option<Value>| value.as_ref().map_or("(nothing)".to_owned(), shown);
    format!("  = {:<19} {} → {}", output.name, shown(&output.from), shown(&output.to))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "(nothing)".to_owned(),
        Value::Text(text) | Value::Plain(text) => text.clone(),
        Value::Sealed(_) => "(sealed)".to_owned(),
        Value::Parts(pieces) => pieces.iter().map(piece).collect(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Value::Map(tree) => {
            let pairs = tree.iter().map(|(key, value)| format!("{key}: {}", shown(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}

fn hides(value: &Value) -> bool {
    value.is_sealed() || !value.secrets().is_empty()
}

fn piece(piece: &Piece) -> String {
    match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Secret { name, .. } => format!("(secret {name})"),
        Piece::Later(path) => format!("(known after apply: {path})"),
    }
}
