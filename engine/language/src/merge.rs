//! The keys of one map as it is read: duplicates noted, `<<` replaced by the keys that it brings in.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic};
use crate::document::{Form, SlotId};
use crate::suggest;
use crate::yaml::Builder;

/// How many keys `<<` may look at in one file, whatever its size.
pub(crate) const FEW_MERGES: usize = 100_000;
/// How many keys more it may look at for each value that the file has.
pub(crate) const MERGES_PER_VALUE: usize = 4;

/// Said once, and then nothing more is merged.
const TOO_MANY: usize = usize::MAX;

/// Keys of one map and where each stands first.
pub(crate) type Names<'t> = HashMap<Cow<'t, str>, SlotId>;

impl<'t> Builder<'t, '_> {
    /// Notes duplicate keys and replaces `<<` by the keys that it brings in; own keys win.
    pub(crate) fn merged(&mut self, pairs: Vec<SlotId>) -> Vec<SlotId> {
        let mut seen = Names::with_capacity(pairs.len() / 2);
        let mut kept = Vec::with_capacity(pairs.len());
        let mut sources = Vec::new();
        for pair in pairs.as_chunks::<2>().0 {
            let Some(name) = self.name(pair[0]) else {
                kept.extend(pair);
                continue;
            };
            if name == "<<" {
                sources.push(pair[1]);
            } else if let Some(&first) = seen.get(&name) {
                self.duplicate(&name, first, pair[0]);
            } else {
                seen.insert(name, pair[0]);
                kept.extend(pair);
            }
        }
        for source in sources {
            self.merge_all(source, &mut seen, &mut kept);
        }
        kept
    }

    /// Takes in one map, or each map of a list.
    fn merge_all(&mut self, source: SlotId, seen: &mut Names<'t>, kept: &mut Vec<SlotId>) {
        if let Form::List { first, len } = self.form(source) {
            for item in first..first + len {
                let item = self.children[item as usize];
                self.merge(item, source, seen, kept);
            }
        } else {
            self.merge(source, source, seen, kept);
        }
    }

    fn merge(
        &mut self,
        source: SlotId,
        place: SlotId,
        seen: &mut Names<'t>,
        kept: &mut Vec<SlotId>,
    ) {
        match self.form(source) {
            Form::Map { first, len, .. } => {
                if !self.may_merge(len as usize / 2, place) {
                    return;
                }
                for pair in (first..first + len).step_by(2) {
                    let [key, value] = [pair, pair + 1].map(|at| self.children[at as usize]);
                    let name = self.name(key);
                    if name.is_none_or(|name| seen.insert(name, key).is_none()) {
                        kept.extend([key, value]);
                    }
                }
            }
            Form::Broken | Form::Alias { .. } => {}
            Form::Scalar { .. } | Form::List { .. } => {
                let error = Diagnostic::new(
                    Code::WrongType,
                    self.span_of(source),
                    "`<<` merges maps, and this is none",
                );
                self.diagnostics.push(error.help("write `<<: *name`, where `&name` marks a map"));
            }
        }
    }

    /// Maps that each merge the one before grow with the square of the file.
    fn may_merge(&mut self, keys: usize, place: SlotId) -> bool {
        let most = FEW_MERGES + self.slots.len() * MERGES_PER_VALUE;
        if self.merges == TOO_MANY {
            return false;
        }
        self.merges += 1 + keys;
        if self.merges > most {
            self.merges = TOO_MANY;
            let message = "merge keys make this file too large";
            let error = Diagnostic::new(Code::AliasBomb, self.span_of(place), message);
            self.diagnostics.push(error.help("write out what differs, or merge less often"));
        }
        self.merges != TOO_MANY
    }

    fn duplicate(&mut self, name: &str, first: SlotId, again: SlotId) {
        let message = format!("{} is given twice", suggest::quoted(name));
        let error = Diagnostic::new(Code::DuplicateKey, self.span_of(again), message);
        self.diagnostics.push(error.label("again here").also(self.span_of(first), "first here"));
    }

    /// Returns what stands in a slot, its alias followed.
    fn form(&self, slot: SlotId) -> Form {
        match self.slots[slot as usize].form {
            Form::Alias { target } => self.slots[target as usize].form,
            form => form,
        }
    }

    /// Returns the text of a key; only its own escapes need a copy.
    fn name(&self, key: SlotId) -> Option<Cow<'t, str>> {
        let range = |at: u32, len: u32| at as usize..(at + len) as usize;
        match self.slots[key as usize].form {
            Form::Scalar { at, len, cooked: false, .. } => {
                Some(Cow::Borrowed(&self.text[range(at, len)]))
            }
            Form::Scalar { at, len, .. } => {
                Some(Cow::Owned(self.cooked[range(at, len)].to_owned()))
            }
            _ => None,
        }
    }
}
