//! What is wrong with a schedule, and in which of its fields.

use language::{Node, Span, suggest};

use super::table;

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Which field, counted from 0; None: all of it.
    pub field: Option<usize>,
    /// Advice, as a lowercase fragment.
    pub why: String,
}

/// The fields by name, and what each may hold.
const FIELDS: [(&str, &str); 5] = [
    ("the minute", "0 to 59"),
    ("the hour", "0 to 23"),
    ("the day of the month", "1 to 31, or `L` for the last"),
    ("the month", "1 to 12 or JAN to DEC"),
    ("the day of the week", "0 to 7 or SUN to SAT, where 0 and 7 are Sunday"),
];

impl Wrong {
    /// There are not five fields.
    pub(super) fn count(fields: &[&str]) -> Self {
        let needed = "minute, hour, day of the month, month, day of the week, such as `0 3 * * *`";
        let why = match fields {
            [one] if one.starts_with('@') => {
                format!("short forms are not known here: write the five fields, {needed}")
            }
            [.., last] if fields.len() == 6 && last.contains('/') && !last.contains('*') => {
                "the time zone stands under `zone`, beside `cron`".to_owned()
            }
            _ if fields.len() == 6 => format!("there are no seconds: five fields are {needed}"),
            _ => format!("it has {}, and five are needed: {needed}", counted(fields.len())),
        };
        Self { field: None, why }
    }

    /// One of five fields is wrong: the first one that is so also beside four that are right.
    pub(super) fn field(fields: &[&str]) -> Self {
        let is_wrong = |at: &usize| {
            let alone = (0..5).map(|other| if other == *at { fields[*at] } else { "*" });
            table(&alone.collect::<Vec<_>>().join(" ")).is_none()
        };
        match (0..5).find(is_wrong) {
            None => Self { field: None, why: "its fields do not fit together".to_owned() },
            Some(at) => {
                let (name, range) = FIELDS[at];
                let written = suggest::quoted(fields[at]);
                let why = format!(
                    "{name} cannot be {written}: it is {range}, `*`, a list `1,2`, a range `1-5` or \
                     a step `*/2`"
                );
                Self { field: Some(at), why }
            }
        }
    }

    /// Every field is right, and there is no such day.
    pub(super) fn never() -> Self {
        Self { field: None, why: "there is no such day in four years".to_owned() }
    }

    /// Returns where the field stands in a file, if that is where the text stands as it is.
    pub(super) fn place(&self, text: &str, node: Node<'_>) -> Option<Span> {
        let (start, length) = field(text, self.field?)?;
        let inner = node.written().find(text).filter(|_| node.defined_at().is_none())?;
        let from = node.span().start + u32::try_from(inner + start).ok()?;
        Some(Span { start: from, end: from + u32::try_from(length).ok()?, ..node.span() })
    }
}

/// Where a field of a text begins, and how long it is.
fn field(text: &str, at: usize) -> Option<(usize, usize)> {
    let found = text.split_ascii_whitespace().nth(at)?;
    Some((found.as_ptr() as usize - text.as_ptr() as usize, found.len()))
}

fn counted(fields: usize) -> String {
    if fields == 1 { "1 field".to_owned() } else { format!("{fields} fields") }
}
