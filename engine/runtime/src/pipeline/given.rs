//! With which parameters a run was started, so that a part of it is done again with the same ones. Hashes
//! are kept, with the project's key, and nothing of what is declared secret, which may be another each time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use language::Document;
use model::Secrets;
use model::file::stack::ParameterType;

use crate::parameters::{Given, declared};

/// In the folder of a run's logs.
const NAME: &str = "given";

/// Parameters as hashes, by name.
type Hashes = BTreeMap<String, String>;

fn hashes(given: &Given, document: &Document, secrets: &dyn Secrets) -> Hashes {
    let node = document.root().get("on").and_then(|on| on.get("manual")?.get("parameters"));
    let declared = declared(document, node);
    let is_secret = |name: &str| {
        let mut of_name = declared.iter().filter(|one| one.name == name);
        of_name.any(|one| one.parameter.as_ref().is_some_and(|one| one.is == ParameterType::Secret))
    };
    let open = given.iter().filter(|(name, _)| !is_secret(name));
    open.map(|(name, text)| (name.clone(), secrets.hash(text).to_string())).collect()
}

/// Keeps what a run was given.
pub(crate) fn note(
    folder: &Path,
    given: &Given,
    document: &Document,
    secrets: &dyn Secrets,
) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let hashes = hashes(given, document, secrets);
    fs::write(folder.join(NAME), serde_json::to_vec(&hashes)?)
}

/// Returns the parameters that a run was given otherwise. A run of which it is not known was given the same.
pub(crate) fn differing(
    folder: &Path,
    given: &Given,
    document: &Document,
    secrets: &dyn Secrets,
) -> Vec<String> {
    let read = fs::read(folder.join(NAME)).ok();
    let Some(then) = read.and_then(|text| serde_json::from_slice::<Hashes>(&text).ok()) else {
        return Vec::new();
    };
    let now = hashes(given, document, secrets);
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    names.into_iter().filter(|name| then.get(*name) != now.get(*name)).cloned().collect()
}
