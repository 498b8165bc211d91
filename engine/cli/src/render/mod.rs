//! From data to text: everything that people see of plans, runs and what is remembered.
//!
//! Functions of their arguments: the time, the width and whether there is colour are handed in, and
//! nothing is read or printed. Only the painter of [`tree`] writes, to what it is handed.
//!
//! | module | draws |
//! |---|---|
//! | [`plan`] | a plan: what would change and why |
//! | [`tree`] | a run while it goes on, on a terminal or as lines |
//! | [`report`] | how a run ended |
//! | [`results`] | what its tests say |
//! | [`problem`], [`diagnostics`] | why something was not done; what is wrong with files |
//! | [`recovered`] | what a run that died had left in doubt |
//! | [`drift`] | what is otherwise than it was applied |
//! | [`runs`], [`state`] | what is remembered |
//! | [`schedules`] | when pipelines are due |
//! | [`graph`] | who needs whom, as DOT and SVG |
//! | [`explain`], [`doctor`] | what kinds are for; whether the machine is fit |
//!
//! Beneath them: [`style`] and [`line`] (colours, signs, lines that fit), [`measure`] (how wide text
//! is), [`value`], [`change`] and [`diff`] (values and what differs), [`when`] (times), [`hint`] (what
//! to type next).

pub(crate) mod backup;
pub(crate) mod change;
pub(crate) mod diagnostics;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod drift;
pub(crate) mod explain;
pub(crate) mod fold;
pub(crate) mod graph;
pub(crate) mod hint;
pub(crate) mod line;
pub(crate) mod measure;
pub(crate) mod plan;
pub(crate) mod problem;
pub(crate) mod recovered;
pub(crate) mod report;
pub(crate) mod results;
pub(crate) mod runs;
pub(crate) mod schedules;
pub(crate) mod state;
pub(crate) mod style;
pub(crate) mod tree;
pub(crate) mod value;
pub(crate) mod when;

#[cfg(test)]
mod examples;
