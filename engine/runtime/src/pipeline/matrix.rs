//! The combinations for which a step is repeated.
//!
//! It must not know what the step does with them.

use std::collections::{BTreeMap, HashMap};

use language::decoder::read_with;
use language::{
    Builder, Code, Content, Diagnostic, Diagnostics, Document, Found, Node, Reference, Scope,
    suggest, template,
};
use model::file::stack::Each;

use super::load::note_new;

/// More are a mistake: each is a step of its own.
const MOST: usize = 256;

const INCLUDE: &str = "include";
const EXCLUDE: &str = "exclude";
const LIMIT: &str = "limit";

/// The combinations of one step.
pub(super) struct Matrix {
    /// In the order of the file; the last axis changes first, and those that are included come last.
    pub(super) combinations: Vec<Combination>,
    /// How many may be at work at once.
    pub(super) limit: Option<usize>,
}

/// One value for each axis, in the order of the axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Combination(Vec<(String, String)>);

impl Combination {
    /// Returns what stands between the brackets of the step's address.
    pub(super) fn name(&self) -> String {
        self.0.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(",")
    }

    fn value(&self, axis: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == axis).map(|(_, value)| value.as_str())
    }
}

/// What references stand for in one combination of a step: `${matrix.py}`, and all that has a meaning
/// around it. Without a combination there is no `matrix`.
pub(super) struct Within<'s> {
    around: &'s dyn Scope,
    values: HashMap<String, Document>,
}

/// What references to the values of a matrix begin with.
pub(super) const PREFIX: &str = "matrix.";

impl<'s> Within<'s> {
    pub(super) fn new(around: &'s dyn Scope, combination: Option<&Combination>) -> Self {
        let value = |(axis, value): &(String, String)| {
            let mut builder = Builder::default();
            let root = builder.text(&template::literal(value));
            (format!("{PREFIX}{axis}"), builder.finish(root))
        };
        Self { around, values: combination.iter().flat_map(|one| &one.0).map(value).collect() }
    }
}

impl Scope for Within<'_> {
    fn find(&self, reference: &Reference) -> Found<'_> {
        match self.values.get(&reference.path) {
            Some(value) => Found::Known(value.root()),
            None if reference.path.starts_with(PREFIX) => {
                let mut names: Vec<String> = self.values.keys().cloned().collect();
                names.sort_unstable();
                Found::Unknown { names }
            }
            None => self.around.find(reference),
        }
    }

    fn is_chosen(&self, reference: &Reference) -> bool {
        self.around.is_chosen(reference)
    }
}

impl Matrix {
    /// Reads the matrix of a step; None if something in it is wrong, or comes later. What is wrong with
    /// its form alone is said where the whole file is read.
    pub(super) fn read(
        node: Node<'_>,
        document: &Document,
        scope: &dyn Scope,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let Content::Map(entries) = node.content() else { return None };
        let within = Within::new(scope, None);
        let mut reader = Reader { document, scope: &within, diagnostics, is_whole: true };
        let (mut axes, mut include, mut exclude, mut limit) = (Vec::new(), None, None, None);
        for (key, value) in entries.iter() {
            match key.scalar()?.text {
                INCLUDE => include = Some(value),
                EXCLUDE => exclude = Some(value),
                LIMIT => limit = Some(reader.limit(value)?),
                axis => axes.push((axis.to_owned(), reader.axis(axis, value)?)),
            }
        }
        if axes.is_empty() {
            reader.refuse(
                node,
                "this matrix has no axis",
                "write a name and its values: `py: [\"3.11\", \"3.12\"]`",
            );
            return None;
        }
        let too_many = |count| {
            let many = format!("this matrix has {count} combinations, and {MOST} are the most");
            reader.refuse(node, many, "each is a step of its own: take values away");
        };
        let mut combinations = product(&axes).map_err(too_many).ok()?;
        let names: Vec<&str> = axes.iter().map(|(name, _)| name.as_str()).collect();
        for item in items(exclude) {
            reader.exclude(item, &names, &mut combinations);
        }
        for item in items(include) {
            reader.include(item, &names, &mut combinations);
        }
        if combinations.is_empty() && reader.is_whole {
            reader.refuse(node, "no combination of this matrix is left", "exclude less");
        }
        if combinations.len() > MOST {
            let many = format!(
                "this matrix has {} combinations, and {MOST} are the most",
                combinations.len()
            );
            reader.refuse(node, many, "each is a step of its own: include less");
        }
        reader.is_whole.then_some(Self { combinations, limit })
    }
}

/// All combinations of the axes, or how many there are if there are too many.
fn product(axes: &[(String, Vec<String>)]) -> Result<Vec<Combination>, usize> {
    let count = axes.iter().fold(1, |count: usize, (_, values)| count.saturating_mul(values.len()));
    if count > MOST {
        return Err(count);
    }
    let mut all = vec![Combination(Vec::new())];
    for (axis, values) in axes {
        let with = |one: &Combination, value: &String| {
            let more = [(axis.clone(), value.clone())];
            Combination(one.0.iter().cloned().chain(more).collect())
        };
        all = all.iter().flat_map(|one| values.iter().map(move |value| with(one, value))).collect();
    }
    Ok(all)
}

fn items(list: Option<Node<'_>>) -> impl Iterator<Item = Node<'_>> {
    let list = list.and_then(|list| match list.content() {
        Content::List(list) => Some(list),
        _ => None,
    });
    list.into_iter().flat_map(language::document::List::iter)
}

struct Reader<'r> {
    document: &'r Document,
    scope: &'r dyn Scope,
    diagnostics: &'r mut Diagnostics,
    /// Nothing was wrong so far, and nothing is awaited.
    is_whole: bool,
}

impl Reader<'_> {
    fn refuse(&mut self, node: Node<'_>, message: impl Into<String>, help: &str) {
        let error = Diagnostic::new(Code::BadValue, node.span(), message);
        self.diagnostics.push(error.help(help));
        self.is_whole = false;
    }

    /// The whole file was read before, so that most of what is wrong is known.
    fn read<T: language::Spec>(&mut self, node: Node<'_>) -> Option<T> {
        let mut noted = Diagnostics::default();
        let read = read_with(self.document, self.scope, &mut noted, |decoder| decoder.read(node));
        note_new(noted, self.diagnostics);
        read.value
    }

    fn limit(&mut self, node: Node<'_>) -> Option<usize> {
        if !matches!(node.content(), Content::Scalar(_)) {
            self.refuse(node, "`limit` is a number", "write how many may run at once: `limit: 2`");
            return None;
        }
        let limit: u32 = self.read(node)?;
        if limit == 0 {
            self.refuse(node, "at least one must run at a time", "take `limit` away for no limit");
        }
        Some(limit as usize)
    }

    fn axis(&mut self, name: &str, node: Node<'_>) -> Option<Vec<String>> {
        let list = match node.content() {
            Content::List(list) if !list.is_empty() => list,
            _ => {
                let message = format!("the axis `{name}` needs a list of values");
                let known = [INCLUDE, EXCLUDE, LIMIT].into_iter();
                match suggest::nearest(name, known) {
                    Some(near) => self.refuse(node, message, &format!("did you mean `{near}`?")),
                    None => self.refuse(node, message, "write `[\"3.11\", \"3.12\"]`"),
                }
                return None;
            }
        };
        let mut values: Vec<String> = Vec::new();
        for item in list.iter() {
            if !matches!(item.content(), Content::Scalar(_)) {
                let message = format!("a value of the axis `{name}` is text");
                let help = "combinations stand under `include` and `exclude`";
                self.refuse(item, message, help);
                return None;
            }
            let value = self.value(item)?;
            if values.contains(&value) {
                self.refuse(item, format!("`{value}` stands here twice"), "take one of them away");
            }
            values.push(value);
        }
        Some(values)
    }

    /// A value is part of an address.
    fn value(&mut self, node: Node<'_>) -> Option<String> {
        let Each(value) = self.read(node)?;
        let unfit = |c: char| c.is_control() || "[],@/".contains(c);
        if value.is_empty() || value.contains(unfit) {
            let message =
                format!("{} cannot stand in the address of a step", suggest::quoted(&value));
            self.refuse(node, message, "write a short name without `[`, `]`, `,`, `@` and `/`");
            return None;
        }
        Some(value)
    }

    /// The values that an entry of `include` or `exclude` names, each with the node of its axis.
    fn named(&mut self, item: Node<'_>, axes: &[&str]) -> Option<BTreeMap<String, String>> {
        let Content::Map(entries) = item.content() else {
            self.refuse(item, "a combination is a map", "write `{ AXIS: VALUE }`");
            return None;
        };
        let mut named = BTreeMap::new();
        for (key, value) in entries.iter() {
            let name = key.scalar()?.text;
            if axes.contains(&name) {
                named.insert(name.to_owned(), self.value(value)?);
                continue;
            }
            let message = format!("this matrix has no axis `{name}`");
            let error = Diagnostic::new(Code::UnknownName, key.span(), message);
            self.diagnostics.push(match suggest::nearest(name, axes.iter().copied()) {
                Some(near) => error.label(format!("did you mean `{near}`?")),
                None => error.help(format!("it has {}", suggest::list(axes.iter().copied()))),
            });
            self.is_whole = false;
            return None;
        }
        Some(named)
    }

    fn exclude(&mut self, item: Node<'_>, axes: &[&str], all: &mut Vec<Combination>) {
        let Some(named) = self.named(item, axes) else {
            self.is_whole = false;
            return;
        };
        let before = all.len();
        all.retain(|one| {
            named.is_empty() || named.iter().any(|(axis, value)| one.value(axis) != Some(value))
        });
        if all.len() == before {
            self.refuse(item, "no combination is excluded by this", "see the values of the axes");
        }
    }

    fn include(&mut self, item: Node<'_>, axes: &[&str], all: &mut Vec<Combination>) {
        let Some(mut named) = self.named(item, axes) else {
            self.is_whole = false;
            return;
        };
        let values = axes.iter().map(|axis| Some(((*axis).to_owned(), named.remove(*axis)?)));
        match values.collect::<Option<Vec<_>>>().map(Combination) {
            None => {
                let help = format!("it has {}", suggest::list(axes.iter().copied()));
                self.refuse(item, "a value for every axis is needed here", &help);
            }
            Some(one) if all.contains(&one) => {
                self.refuse(item, "this combination is there already", "take it away");
            }
            Some(one) => all.push(one),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(name: &str, values: &[&str]) -> (String, Vec<String>) {
        (name.to_owned(), values.iter().map(|value| (*value).to_owned()).collect())
    }

    #[test]
    fn the_last_axis_changes_first() {
        let all = product(&[axis("py", &["3.11", "3.12"]), axis("db", &["a", "b"])]);
        let names: Vec<String> = all.expect("few").iter().map(Combination::name).collect();
        assert_eq!(names, ["3.11,a", "3.11,b", "3.12,a", "3.12,b"]);
    }

    #[test]
    fn many_combinations_are_counted_and_not_made() {
        let values: Vec<String> = (0..1_000).map(|value| value.to_string()).collect();
        let axes: Vec<_> = (0..9).map(|axis| (axis.to_string(), values.clone())).collect();
        assert_eq!(product(&axes).err(), Some(usize::MAX));
        assert_eq!(product(&axes[..1]).err(), Some(1_000));
    }
}
