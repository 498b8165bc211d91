//! `windlass outputs`: what a stack says to people, scripts and other stacks.

use clap::Args;
use model::Value;
use runtime::engine::Problem;

use super::plan::stack_name;
use crate::applying::tell_outputs;
use crate::call::Call;
use crate::json;
use crate::problem::{Exit, usage};
use crate::render::measure::clean_lines;

/// Print the outputs of a stack
#[derive(Args)]
pub(crate) struct Outputs {
    /// The stack, by name or file
    stack: String,

    /// One output: its value alone, for scripts; text as it is, lists and maps as JSON
    name: Option<String>,
}

pub(crate) fn run(call: &Call, args: &Outputs) -> Result<Exit, Problem> {
    let engine = call.engine()?;
    let stack = stack_name(call, &engine, &args.stack)?;
    let outputs = engine.store.outputs(&stack)?.ok_or_else(|| {
        let message = format!("nothing is remembered of outputs of the stack `{stack}`");
        let help =
            format!("if its file has `outputs`, apply it to its end: windlass apply {stack}");
        usage(message, help)
    })?;
    let Some(name) = &args.name else {
        tell_outputs(call, &stack, &outputs.values);
        return Ok(Exit::Done);
    };
    let Some(value) = outputs.values.get(name) else {
        let names = language::suggest::list(outputs.values.keys().map(String::as_str));
        return Err(usage(
            format!("the stack `{stack}` has no output `{name}`"),
            format!("there are {names}"),
        ));
    };
    let one = [(name.clone(), value.clone())].into();
    if call.screen.json {
        tell_outputs(call, &stack, &one);
        return Ok(Exit::Done);
    }
    let text = alone(&stack, name, value)?;
    // A script gets every character; a terminal obeys some of them.
    call.screen.answer(&if call.around.shows { clean_lines(&text) } else { text });
    Ok(Exit::Done)
}

/// Returns the value as scripts read it, with one line end at its end.
fn alone(stack: &str, name: &str, value: &Value) -> Result<String, Problem> {
    if value.is_sealed() || !value.secrets().is_empty() {
        return Err(Problem::Refused {
            message: format!(
                "the output `{name}` of `{stack}` holds a secret, which is never printed"
            ),
            help: Some(format!(
                "hand it on: another stack reads it as `${{stack.{stack}.{name}}}`, and a file.text or \
                 secret.file puts it into a file; `--json` prints its handle"
            )),
            details: Vec::new(),
        });
    }
    let mut text = match value {
        Value::Null => String::new(),
        Value::Text(text) | Value::Plain(text) => text.clone(),
        other => json::value(other).to_string(),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::value::Piece;
    use model::{Digest, Tree};

    fn printed(value: &Value) -> Option<String> {
        alone("shop", "it", value).ok()
    }

    #[test]
    fn lists_and_maps_are_json() {
        let list = Value::List(vec!["a".into(), "b, c".into(), Value::Plain("3".to_owned())]);
        assert_eq!(printed(&list).as_deref(), Some("[\"a\",\"b, c\",3]\n"));
        let map = Value::Map(Tree::from([("port".to_owned(), 80_u16.into())]));
        assert_eq!(printed(&map).as_deref(), Some("{\"port\":80}\n"));
    }

    #[test]
    fn what_holds_a_secret_anywhere_is_refused() {
        let secret = Piece::Secret { name: "db".to_owned(), hash: Digest::of(b"x") };
        let within = Value::List(vec!["a".into(), Value::Parts(vec![secret])]);
        assert_eq!(printed(&within), None);
        assert_eq!(printed(&Value::List(vec![Value::Sealed(Digest::of(b"x"))])), None);
    }
}
