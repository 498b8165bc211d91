//! How a remote answers: as it should, or in one of the ways in which remotes do not.
//!
//! It must not touch an object.

use std::future::pending;

use fastrand::Rng;
use model::Fault;
use model::event::Verb;

/// How the calls of one block are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Script {
    /// It happens, and the answer says so.
    #[default]
    Works,
    /// It never happens, and the answer says no.
    Refuses,
    /// It never happens, and the answer is of no use.
    Breaks,
    /// The first call has its effect, and the answer is of no use.
    BreaksAfterwards,
    /// The first call fails in passing, before the effect.
    Throttles,
    /// The first call has its effect, and its answer is lost.
    LosesTheAnswer,
    /// The first call has its effect, and never answers.
    HangsAfterwards,
}

impl Script {
    /// Returns one of them, and more often one that works.
    pub fn random(rng: &mut Rng) -> Self {
        let odd = [
            Self::Refuses,
            Self::Breaks,
            Self::BreaksAfterwards,
            Self::Throttles,
            Self::LosesTheAnswer,
            Self::HangsAfterwards,
        ];
        odd.get(rng.usize(..odd.len() * 2)).copied().unwrap_or_default()
    }

    /// Returns whether what it is asked for happens in the end.
    pub fn works_in_the_end(self) -> bool {
        !matches!(self, Self::Refuses | Self::Breaks)
    }

    pub(super) fn before(self, first: bool) -> Result<(), Fault> {
        match self {
            Self::Refuses => Err(Fault::refused("no")),
            Self::Breaks => Err(Fault::broken("it broke")),
            Self::Throttles if first => Err(Fault::passing("slow down")),
            _ => Ok(()),
        }
    }

    /// What goes has no time-out of its own: its answer is lost instead of never coming.
    pub(super) async fn after(self, first: bool, verb: Verb) -> Result<(), Fault> {
        match self {
            Self::BreaksAfterwards if first => Err(Fault::broken("it broke")),
            Self::HangsAfterwards if first && verb != Verb::Delete => pending().await,
            Self::LosesTheAnswer | Self::HangsAfterwards if first => {
                Err(Fault::passing("connection lost"))
            }
            _ => Ok(()),
        }
    }
}
