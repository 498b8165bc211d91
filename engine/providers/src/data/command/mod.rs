//! `data.command`: what a command says, read again for each plan.
//!
//! It must be a command that only looks: it is run whenever somebody wants to know.

mod spec;

use model::{
    Change, Context, Difference, Fault, Found, Kind, Known, Looked, Object, Order, Reads, Secrets,
};
use model::{Token, Value};

pub use spec::{CommandObject, CommandSpec};

use super::sensitive;
use crate::command::{Course, Ended, look_token, run_all};
use crate::text::{Sieve, revealed_map, sealed_map};

/// What a command says.
pub struct DataCommand;

impl Kind for DataCommand {
    const NAME: &'static str = "data.command";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const ORDER: Order = Order::CreateFirst;
    const READS: Reads = Reads::BySpec;
    type Spec = CommandSpec;
    type Object = CommandObject;

    fn diff(spec: &CommandSpec, object: &Object, secrets: &dyn Secrets) -> Vec<Difference> {
        let mut found = Difference::among(object, keys(spec, secrets));
        found.extend(sensitive::difference(secrets, object, "output", &kept(&object.id)));
        found
    }

    async fn read(
        &self,
        context: &Context,
        known: &[Known<CommandSpec>],
    ) -> Result<Vec<Looked>, Fault> {
        let courses = known.iter().map(|known| {
            known.spec.as_ref().map(|spec| course(context, spec, &look_token(context))).transpose()
        });
        let ended = run_all(courses).await;
        let read = |(known, ended): (&Known<CommandSpec>, Result<_, Fault>)| {
            let (Some(spec), Some((course, ended))) = (&known.spec, ended?) else {
                return Ok(None);
            };
            let answer = answer(spec, &course, ended)?;
            let output = if spec.sensitive {
                sensitive::seen(context.secrets(), &kept(&known.id), &answer.text)
            } else {
                answer.text.as_str().into()
            };
            Ok(Some(described(context, &known.id, spec, output, answer.code)))
        };
        Ok(known.iter().zip(ended).map(read).collect())
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, CommandSpec>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        let id = change.object().map_or(token.as_str(), |object| object.id.as_str());
        let Some(spec) = change.wanted() else {
            return context.secrets().forget(&kept(id)).map(|()| None);
        };
        let course = course(context, spec, token.as_str())?;
        context.progress.status(&spec.command.to_string());
        let answer = answer(spec, &course, course.run(&mut |_| {}).await?)?;
        let output = if spec.sensitive {
            sensitive::kept(context.secrets(), &kept(id), &answer.text)?
        } else {
            context.secrets().forget(&kept(id))?;
            answer.text.into()
        };
        Ok(Some(described(context, id, spec, output, answer.code)))
    }

    async fn find(
        &self,
        _: &Context,
        _: Change<'_, CommandSpec>,
        token: &Token,
    ) -> Result<Found, Fault> {
        let swept = child::sweep(token.as_str(), std::time::Duration::ZERO).await;
        swept.map_err(|error| Fault::broken(error.to_string()))?;
        // Looking again costs nothing; and what is kept can be forgotten twice.
        Ok(Found::Nothing)
    }
}

struct Answer {
    text: String,
    code: i32,
}

fn answer(spec: &CommandSpec, course: &Course, mut ended: Ended) -> Result<Answer, Fault> {
    if spec.sensitive {
        ended.last = vec!["(what it said is not shown: `sensitive: true`)".to_owned()];
    }
    let allowed =
        |code: i32| spec.exit_codes.iter().any(|allowed| i64::from(*allowed) == i64::from(code));
    let code = match ended.exit {
        child::Exit::Code(code) if allowed(code) => code,
        _ => return Err(course.failure(&ended)),
    };
    if ended.cut {
        let most = spec.max_size;
        return Err(Fault::refused(format!("`{}` wrote more than {most}", spec.command))
            .help("let it say less, or give it more with `max_size`"));
    }
    let text = String::from_utf8(ended.output).map_err(|_| {
        Fault::refused(format!("`{}` wrote what is no text (UTF-8)", spec.command))
            .help("let it write text, for example through `base64`")
    })?;
    if let Some(name) = course.sieve.shows(&text).filter(|_| !spec.sensitive) {
        return Err(Fault::refused(format!("`{}` shows the secret `{name}`", spec.command))
            .help("say `sensitive: true`: then what it says is a secret too"));
    }
    let text = if spec.trim { text.trim().to_owned() } else { text };
    Ok(Answer { text, code })
}

fn described(context: &Context, id: &str, spec: &CommandSpec, output: Value, code: i32) -> Object {
    let mut object = Object::new(id, keys(spec, context.secrets()));
    object.attributes.insert("output".to_owned(), output);
    object.attributes.insert("exit_code".to_owned(), code.into());
    object
}

fn keys(spec: &CommandSpec, secrets: &dyn Secrets) -> [(&'static str, Value); 6] {
    let codes = spec.exit_codes.iter().map(|code| Value::from(*code)).collect::<Vec<_>>();
    [
        ("command", spec.command.value()),
        ("directory", spec.directory.0.as_str().into()),
        ("environment", sealed_map(secrets, &spec.environment)),
        ("exit_codes", codes.into()),
        ("trim", spec.trim.into()),
        ("sensitive", spec.sensitive.into()),
    ]
}

fn course(context: &Context, spec: &CommandSpec, token: &str) -> Result<Course, Fault> {
    let secrets = context.secrets();
    let mut environment = context.site.environment.clone();
    for (name, text) in revealed_map(secrets, &spec.environment)? {
        environment.insert(name, text.expose().to_owned());
    }
    Ok(Course {
        what: "the command",
        invocation: spec.command.clone(),
        directory: context.place(&spec.directory.0),
        environment,
        token: token.to_owned(),
        time_limit: spec.time_limit.0,
        grace: std::time::Duration::from_secs(1),
        leave_running: false,
        most: usize::try_from(spec.max_size.0).unwrap_or(usize::MAX),
        sieve: Sieve::of(secrets, spec.environment.values())?,
    })
}

/// The name under which output that is a secret is kept.
fn kept(id: &str) -> String {
    format!("said-{id}")
}
