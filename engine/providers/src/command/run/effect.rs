//! Running the commands of a `command.run`, and what is known afterwards.
//!
//! It must not decide what is to be done.

use std::time::Duration;

use model::secret::handle;
use model::{Context, Fault, Object, Secrets, Token, Tree, Value};

use super::note::Note;
use super::spec::RunSpec;
use crate::command::{Course, Ended, Invocation};
use crate::text::{Sieve, keep, revealed_map, sealed_map};

/// How long what a dead engine left running may take to end.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// Of the output so much is kept.
const MOST: usize = 256 * 1024;

/// Returns what a change of makes the command run again.
pub(super) fn keys(spec: &RunSpec, secrets: &dyn Secrets) -> [(&'static str, Value); 5] {
    [
        ("create", spec.create.value()),
        ("triggers", sealed_map(secrets, &spec.triggers)),
        ("directory", spec.directory.0.as_str().into()),
        ("environment", sealed_map(secrets, &spec.environment)),
        ("sensitive", spec.sensitive.into()),
    ]
}

/// Returns what is known of it.
pub(super) fn described(
    context: &Context,
    id: &str,
    spec: &RunSpec,
    note: Option<&Note>,
) -> Object {
    let secrets = context.secrets();
    let mut object = Object::new(id, keys(spec, secrets));
    if let Some(note) = note {
        object.attributes.extend(note.with.clone());
    }
    let output = match note {
        Some(Note { output: Some(text), .. }) => Value::text(text.as_str()),
        Some(_) => handle(secrets, &kept(id)).unwrap_or(Value::Null),
        None => Value::Null,
    };
    object.attributes.insert("output".to_owned(), output);
    object
}

pub(super) async fn create(
    context: &Context,
    spec: &RunSpec,
    token: &Token,
) -> Result<Object, Fault> {
    let id = token.as_str();
    if Note::read(context, id)?.is_some_and(|note| note.token == id) {
        return Ok(described(context, id, spec, Note::read(context, id)?.as_ref()));
    }
    if let Some((_, ended)) = check(context, spec, token).await?
        && ended.exit.is_success()
    {
        context.progress.line("(check says that it is there: create is not run)");
        return note(context, id, spec, token, "");
    }
    let output = command(context, "create", &spec.create, spec, token).await?;
    confirm(context, "create", spec, token).await?;
    note(context, id, spec, token, &output)
}

pub(super) async fn update(
    context: &Context,
    spec: &RunSpec,
    object: &Object,
    token: &Token,
) -> Result<Object, Fault> {
    let id = object.id.as_str();
    let noted = Note::read(context, id)?;
    if noted.as_ref().is_some_and(|note| note.token == token.as_str()) {
        return Ok(described(context, id, spec, noted.as_ref()));
    }
    let (what, invocation) = match &spec.update {
        Some(update) => ("update", update),
        None => ("create", &spec.create),
    };
    let output = command(context, what, invocation, spec, token).await?;
    confirm(context, what, spec, token).await?;
    note(context, id, spec, token, &output)
}

pub(super) async fn destroy(
    context: &Context,
    spec: Option<&RunSpec>,
    object: &Object,
    token: &Token,
) -> Result<(), Fault> {
    let id = object.id.as_str();
    match spec {
        None => context.progress.line("(its keys can no longer be read: destroy is not run)"),
        Some(RunSpec { destroy: None, .. }) => {}
        Some(spec @ RunSpec { destroy: Some(invocation), .. }) => {
            // As long as there is a note, it has not been destroyed.
            if Note::read(context, id)?.is_none() {
                Note { token: String::new(), with: Tree::new(), output: None }
                    .write(context, id)?;
            }
            command(context, "destroy", invocation, spec, token).await?;
        }
    }
    context.secrets().forget(&kept(id))?;
    Note::remove(context, id)
}

/// Notes in the object that a check was not content.
pub(super) fn judge(object: &mut Object, course: &Course, ended: Ended) -> Result<(), Fault> {
    match ended.exit {
        child::Exit::TimedOut => return Err(course.failure(&ended)),
        exit if exit.is_success() => {}
        exit => _ = object.attributes.insert("check".to_owned(), exit.to_string().into()),
    }
    Ok(())
}

/// Returns a command with everything around it.
pub(super) fn course(
    context: &Context,
    what: &'static str,
    invocation: &Invocation,
    spec: &RunSpec,
    token: &str,
) -> Result<Course, Fault> {
    let secrets = context.secrets();
    let mut environment = context.site.environment.clone();
    for (name, text) in revealed_map(secrets, &spec.environment)? {
        environment.insert(name, text.expose().to_owned());
    }
    Ok(Course {
        what,
        invocation: invocation.clone(),
        directory: context.place(&spec.directory.0),
        environment,
        token: token.to_owned(),
        time_limit: spec.time_limit.0,
        grace: spec.grace.0,
        leave_running: spec.leave_running,
        most: MOST,
        sieve: Sieve::of(secrets, spec.environment.values())?,
    })
}

/// Runs a command that has an effect, and returns what it wrote.
async fn command(
    context: &Context,
    what: &'static str,
    invocation: &Invocation,
    spec: &RunSpec,
    token: &Token,
) -> Result<String, Fault> {
    let course = course(context, what, invocation, spec, token.as_str())?;
    context.progress.status(&format!("{what}: {invocation}"));
    let hidden = spec.sensitive;
    let mut see = |line: &str| {
        if !hidden {
            context.progress.line(line);
        }
    };
    let mut ended = course.run(&mut see).await?;
    if hidden {
        ended.last = vec!["(what it said is not shown: `sensitive: true`)".to_owned()];
    }
    if !ended.exit.is_success() {
        return Err(course.failure(&ended));
    }
    if ended.cut {
        context.progress.line("(its output is kept as far as its first 256 KiB)");
    }
    let text = String::from_utf8_lossy(&ended.output);
    let text = text.trim_end_matches(['\r', '\n']);
    // What a secret is kept as may show it; what is kept in the open may not.
    Ok(if hidden { text.to_owned() } else { course.sieve.strain(text) })
}

async fn check(
    context: &Context,
    spec: &RunSpec,
    token: &Token,
) -> Result<Option<(Course, Ended)>, Fault> {
    let Some(check) = &spec.check else { return Ok(None) };
    let course = course(context, "check", check, spec, token.as_str())?;
    context.progress.status(&format!("check: {check}"));
    let ended = course.run(&mut |_| {}).await?;
    match ended.exit {
        child::Exit::TimedOut => Err(course.failure(&ended)),
        _ => Ok(Some((course, ended))),
    }
}

/// What a command has made must be what the check asks for: else the next plan would run it again.
async fn confirm(
    context: &Context,
    what: &str,
    spec: &RunSpec,
    token: &Token,
) -> Result<(), Fault> {
    let Some((_, ended)) = check(context, spec, token).await? else { return Ok(()) };
    if ended.exit.is_success() {
        return Ok(());
    }
    let exit = ended.exit;
    Err(Fault::refused(format!("{what} ended well, and check still ends with {exit}"))
        .help("correct `check`, or what the command does")
        .details(ended.last))
}

fn note(
    context: &Context,
    id: &str,
    spec: &RunSpec,
    token: &Token,
    output: &str,
) -> Result<Object, Fault> {
    if spec.sensitive {
        keep(context.secrets(), &kept(id), output)?;
    } else {
        context.secrets().forget(&kept(id))?;
    }
    let output = (!spec.sensitive).then(|| output.to_owned());
    let keys = keys(spec, context.secrets()).into_iter();
    let with = keys.filter(|(key, _)| ["triggers", "environment"].contains(key));
    let with = with.map(|(key, value)| (key.to_owned(), value)).collect();
    let note = Note { token: token.as_str().to_owned(), with, output };
    note.write(context, id)?;
    Ok(described(context, id, spec, Some(&note)))
}

/// The name under which output that is a secret is kept.
fn kept(id: &str) -> String {
    format!("command-{id}")
}
