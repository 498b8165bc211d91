//! Findings gathered: counted, put into order, and bounded.

use crate::diagnostic::{Diagnostic, Severity};
use crate::suggest;

/// More than this are counted and not kept: nobody reads them, and they are memory.
const MOST_KEPT: usize = 100_000;
/// How many names are looked at, over all errors, to find which one was meant.
const MOST_LOOKS: usize = 2_000_000;

/// Findings in the order in which they were met; nothing stops at the first.
#[derive(Debug, Default)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
    looks: usize,
}

impl Diagnostics {
    /// Notes one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        match diagnostic.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        if self.kept.len() < MOST_KEPT {
            self.kept.push(diagnostic);
        }
    }

    /// Takes in all of another reading, with those that it only counted.
    pub fn append(&mut self, other: Self) {
        self.errors += other.errors;
        self.warnings += other.warnings;
        self.looks += other.looks;
        let room = MOST_KEPT.saturating_sub(self.kept.len());
        self.kept.extend(other.kept.into_iter().take(room));
    }

    /// Returns whether there is neither an error nor a warning.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many there are, those included that are only counted.
    pub fn len(&self) -> usize {
        self.errors + self.warnings
    }

    /// Returns how many errors were noted; one of an aliased block counts each time it was read.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// Returns how many warnings were noted.
    pub fn warnings(&self) -> usize {
        self.warnings
    }

    /// Returns whether anything stops here.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Returns them in the order in which they were met.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.kept.iter()
    }

    /// Returns them in the order of the file, each once: an aliased block is read several times.
    pub fn sorted(mut self) -> Vec<Diagnostic> {
        self.kept.sort_by(|a, b| (a.span(), a).cmp(&(b.span(), b)));
        self.kept.dedup();
        self.kept
    }

    /// Returns the name that was most likely meant. Stops searching after a great many names, so that
    /// a file in which every name is wrong is still answered at once.
    pub fn nearest<'n>(
        &mut self,
        written: &str,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Option<&'n str> {
        let left = MOST_LOOKS.saturating_sub(self.looks);
        let mut seen = 0;
        let counted = names.into_iter().take(left).inspect(|_| seen += 1);
        let nearest = suggest::nearest(written, counted);
        self.looks += seen;
        nearest
    }

    /// Returns how many were only counted.
    pub(crate) fn not_kept(&self) -> usize {
        self.len() - self.kept.len()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, more: I) {
        more.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.kept.into_iter()
    }
}

impl<'d> IntoIterator for &'d Diagnostics {
    type Item = &'d Diagnostic;
    type IntoIter = std::slice::Iter<'d, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
