//! `command.run`: something that commands make, change and destroy.
//!
//! That a command has ended well is noted, durably, before anything else is said: so it can be told
//! after a crash whether it did. It must not run a command to find out.

mod effect;
mod note;
mod spec;

use model::{
    Change, Context, Difference, Fault, Found, Kind, Known, Looked, Object, Reads, Secrets, Token,
};

pub use spec::{OnChange, RunObject, RunSpec};

use self::effect::{course, described};
use self::note::Note;
use super::run_all;

/// Something that commands make, change and destroy.
pub struct CommandRun;

impl Kind for CommandRun {
    const NAME: &'static str = "command.run";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const READS: Reads = Reads::BySpec;
    type Spec = RunSpec;
    type Object = RunObject;

    fn diff(spec: &RunSpec, object: &Object, secrets: &dyn Secrets) -> Vec<Difference> {
        let mut found = Difference::among(object, effect::keys(spec, secrets));
        for difference in &mut found {
            difference.forces = Some(spec.on_change == OnChange::Replace);
        }
        let check = object.text("check");
        if spec.check.is_some() && !check.is_empty() {
            found.push(Difference::new("check", check, "exit code 0"));
        }
        found
    }

    async fn read(
        &self,
        context: &Context,
        known: &[Known<RunSpec>],
    ) -> Result<Vec<Looked>, Fault> {
        let checks = known.iter().map(|known| check_of(context, known.spec.as_ref()));
        let checks = run_all(checks).await;
        let read = |(known, check): (&Known<RunSpec>, Result<_, Fault>)| {
            let Some(spec) = &known.spec else { return Ok(None) };
            let note = Note::read(context, &known.id)?;
            let mut object = described(context, &known.id, spec, note.as_ref());
            if let Some((course, ended)) = check? {
                effect::judge(&mut object, &course, ended)?;
            }
            Ok(Some(object))
        };
        Ok(known.iter().zip(checks).map(read).collect())
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, RunSpec>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        match change {
            Change::Create(spec) => effect::create(context, spec, token).await.map(Some),
            Change::Update(spec, object) => {
                effect::update(context, spec, object, token).await.map(Some)
            }
            Change::Delete(spec, object) => {
                effect::destroy(context, spec, object, token).await.map(|()| None)
            }
        }
    }

    async fn find(
        &self,
        context: &Context,
        change: Change<'_, RunSpec>,
        token: &Token,
    ) -> Result<Found, Fault> {
        let id = change.object().map_or(token.as_str(), |object| object.id.as_str());
        let note = Note::read(context, id)?;
        let happened = match (&change, &note) {
            (Change::Delete(..), note) => note.is_none(),
            (_, note) => note.as_ref().is_some_and(|note| note.token == token.as_str()),
        };
        if !happened {
            // It may still be running: its engine is dead, and nobody would notice its end.
            let swept = child::sweep(token.as_str(), effect::GRACE).await;
            swept.map_err(|error| Fault::broken(error.to_string()))?;
            if matches!(change, Change::Create(_)) {
                Note::remove(context, id)?;
            }
            return Ok(Found::Unknown);
        }
        let there = change.wanted().map(|spec| described(context, id, spec, note.as_ref()));
        Ok(Found::Done(there))
    }
}

fn check_of(context: &Context, spec: Option<&RunSpec>) -> Result<Option<super::Course>, Fault> {
    let Some(spec) = spec else { return Ok(None) };
    let Some(check) = &spec.check else { return Ok(None) };
    let mut random = [0; 16];
    context.site.random.fill(&mut random);
    let token = format!("check-{:032x}", u128::from_le_bytes(random));
    course(context, "check", check, spec, &token).map(Some)
}
