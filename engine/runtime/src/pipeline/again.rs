//! Doing a part of a run again: which steps are done anew, and what is taken as it was.
//!
//! Pure. It must not know how a run is remembered.

use std::collections::HashSet;

use language::suggest;
use model::event::{Ending, Event, Outcome};
use model::plan::Step;

/// Which part of a run is done again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    /// What did not succeed, and everything behind it.
    Failed,
    /// This step and everything behind it.
    From(String),
}

/// Why nothing can be done again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAgain {
    /// There is no such step; perhaps this one is meant.
    NoStep(Option<String>),
    /// Everything succeeded.
    NothingFailed,
    /// This step is to run and needs that one, which did not succeed.
    Needs(String, String),
}

impl Again {
    /// Returns the ends of those steps that are not done anew, where `done` says whether a step
    /// succeeded before. Steps come in dependency order.
    ///
    /// # Errors
    /// There is nothing to do again, or what it needs is not there.
    pub fn ends(
        &self,
        steps: &[Step],
        done: impl Fn(&str) -> bool,
    ) -> Result<Vec<Event>, NotAgain> {
        let runs = self.running(steps, &done)?;
        let ends = steps.iter().filter(|step| !runs.contains(step.name.as_str()));
        let end = |step: &Step| {
            let ending = match done(step.name.as_str()) {
                true => Ending::Done { what: Outcome::Earlier, state: Vec::new() },
                false => Ending::Skipped,
            };
            Event::Ended { step: step.name.clone(), ending, took: 0, log: None }
        };
        Ok(ends.map(end).collect())
    }

    fn running<'s>(
        &self,
        steps: &'s [Step],
        done: &impl Fn(&str) -> bool,
    ) -> Result<HashSet<&'s str>, NotAgain> {
        let mut runs = HashSet::new();
        for step in steps {
            let name = step.name.as_str();
            let first = match self {
                Self::Failed => !done(name),
                Self::From(from) => from == name || from == step.name.block(),
            };
            if first || step.needs.iter().any(|need| runs.contains(need.as_str())) {
                runs.insert(name);
            }
        }
        match self {
            Self::Failed if runs.is_empty() => return Err(NotAgain::NothingFailed),
            Self::From(from) if runs.is_empty() => {
                let names = steps.iter().map(|step| step.name.block());
                return Err(NotAgain::NoStep(suggest::nearest(from, names).map(str::to_owned)));
            }
            _ => {}
        }
        for step in steps.iter().filter(|step| runs.contains(step.name.as_str())) {
            let there = |need: &str| runs.contains(need) || done(need);
            if let Some(need) = step.needs.iter().find(|need| !there(need.as_str())) {
                return Err(NotAgain::Needs(step.name.to_string(), need.to_string()));
            }
        }
        Ok(runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::plan::{When, Work};

    /// `build → test[a], test[b] → deploy`, and `lint` on its own.
    fn steps() -> Vec<Step> {
        let step = |name: &str, needs: &[&str]| Step {
            name: name.into(),
            needs: needs.iter().map(|&need| need.into()).collect(),
            when: When::Success,
            attempts: 1,
            timeout: None,
            work: Work::Join,
        };
        vec![
            step("build", &[]),
            step("lint", &[]),
            step("test[a]", &["build"]),
            step("test[b]", &["build"]),
            step("deploy", &["test[a]", "test[b]"]),
        ]
    }

    /// Names of steps that are not done anew; `!` before those that did not succeed either.
    fn left(again: &Again, done: &[&str]) -> Result<String, NotAgain> {
        let ends = again.ends(&steps(), |name| done.contains(&name))?;
        let names = ends.iter().map(|event| match event {
            Event::Ended { step, ending: Ending::Skipped, .. } => format!("!{step}"),
            event => event.step().to_string(),
        });
        Ok(names.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_failed_runs_again_with_everything_behind_it() {
        let done = ["build", "lint", "test[a]"];
        assert_eq!(left(&Again::Failed, &done), Ok(done.join(" ")));
        let done = ["lint", "test[a]"];
        assert_eq!(left(&Again::Failed, &done), Ok("lint".to_owned()), "test[a] has a new build");
        let all = ["build", "lint", "test[a]", "test[b]", "deploy"];
        assert_eq!(left(&Again::Failed, &all), Err(NotAgain::NothingFailed));
    }

    #[test]
    fn from_a_step_on_the_others_are_as_they_were() {
        let from = |name: &str| Again::From(name.to_owned());
        let done = ["build", "test[a]", "test[b]"];
        assert_eq!(left(&from("test"), &done), Ok("build !lint".to_owned()));
        assert_eq!(left(&from("test[b]"), &done), Ok("build !lint test[a]".to_owned()));
        let needs = NotAgain::Needs("deploy".to_owned(), "test[b]".to_owned());
        assert_eq!(left(&from("deploy"), &["build", "test[a]"]), Err(needs));
        assert_eq!(left(&from("depoly"), &done), Err(NotAgain::NoStep(Some("deploy".to_owned()))));
    }
}
