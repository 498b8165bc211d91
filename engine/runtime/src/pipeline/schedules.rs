//! The schedules of a pipeline, and what it lacks to be started by the time.
//!
//! It must not look at a clock.

use language::decoder::read_with;
use language::scope::Unresolved;
use language::{Code, Diagnostic, Diagnostics, Document};
use model::file::pipeline::{Schedule, Schedules};

use crate::parameters::declared;

/// Returns the schedules of a pipeline file, as far as they can be read. What is wrong with them is said
/// where the whole file is read.
pub fn schedules(document: &Document) -> Vec<Schedule> {
    let node = document.root().get("on").and_then(|on| on.get("schedule"));
    let mut unheard = Diagnostics::default();
    let read = node.and_then(|node| {
        read_with(document, &Unresolved, &mut unheard, |decoder| {
            decoder.read::<Option<Schedules>>(node)
        })
        .value
        .flatten()
    });
    read.map(|schedules| schedules.all()).unwrap_or_default()
}

/// Notes parameters that nobody could give when the time starts the pipeline.
pub(super) fn check_parameters(document: &Document, diagnostics: &mut Diagnostics) {
    let on = document.root().get("on");
    if on.and_then(|on| on.get("schedule")).is_none() {
        return;
    }
    let node = on.and_then(|on| on.get("manual")?.get("parameters"));
    for one in declared(document, node) {
        if one.parameter.is_some_and(|parameter| parameter.default.is_none()) {
            let message =
                format!("nobody gives `{}` when a schedule starts the pipeline", one.name);
            let error = Diagnostic::new(Code::MissingKey, one.key.span(), message);
            diagnostics.push(error.help("give it a `default`, or take `schedule` out"));
        }
    }
}
