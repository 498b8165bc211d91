//! The tables of cases: what is wanted, what there is, what changes. One runner for all kinds.
//!
//! A case in `cases/*.yml` has `name`, `desired` (keys as in a stack file), `actual` (attributes,
//! `id` beside them), `change` (key: [from, to]) and `asks` (`nothing`, `update` or `replace`,
//! which may be left out where nothing changes).

use std::path::{Path, PathBuf};

use language::{Content, Node};
use model::{Difference, Erased, Object, Value};

use crate::lab::{Vault, parse, value};

#[test]
fn every_case_of_every_kind_comes_out_as_its_table_says() {
    for kind in providers::kinds().kinds() {
        let files = tables(kind.name);
        let wanted = "`engine/providers/src/PROVIDER/NOUN/cases/NOUN.yml`";
        assert!(!files.is_empty(), "{} has no cases: write {wanted}", kind.name);
        let mut count = 0;
        for file in files {
            let document = parse(&file.to_string_lossy(), &std::fs::read_to_string(&file).unwrap());
            let Content::List(cases) = document.root().content() else {
                panic!("{} is a list", file.display());
            };
            for case in cases.iter() {
                run(kind, case, &file);
                count += 1;
            }
        }
        assert!(count > 2, "{} has {count} cases: too few to mean something", kind.name);
    }
}

/// Returns what is desired in the cases of a kind.
pub(crate) fn desired(kind: &str) -> Vec<model::Tree> {
    let mut found = Vec::new();
    for file in tables(kind) {
        let document = parse(&file.to_string_lossy(), &std::fs::read_to_string(&file).unwrap());
        let Content::List(cases) = document.root().content() else { continue };
        let desired = cases.iter().filter_map(|case| case.get("desired"));
        found.extend(desired.filter_map(|node| match value(node, &Vault::default()) {
            Value::Map(tree) => Some(tree),
            _ => None,
        }));
    }
    found
}

fn run(kind: &Erased, case: Node<'_>, file: &Path) {
    let vault = Vault::default();
    let part = |key: &str| case.get(key).map(|node| value(node, &vault));
    let name = part("name").and_then(|name| name.as_text().map(str::to_owned)).unwrap();
    let place = format!("{}: {name}", file.display());
    let tree = |key: &str| match part(key) {
        Some(Value::Map(tree)) => tree,
        other => panic!("{place}: `{key}` is {other:?}"),
    };
    let mut actual = tree("actual");
    let id = actual.remove("id").and_then(|id| id.as_text().map(str::to_owned));
    let object = Object { id: id.unwrap_or_else(|| "0123".to_owned()), attributes: actual };
    let differences = (kind.diff)(&tree("desired"), &object, &vault)
        .unwrap_or_else(|error| panic!("{place}: {error}"));
    compare(&place, &differences, &tree("change"));
    let asked = part("asks").unwrap_or_else(|| "nothing".into());
    assert_eq!(asked.as_text(), Some(asks(kind, &differences)), "{place}: how much it asks for");
}

fn compare(place: &str, found: &[Difference], wanted: &model::Tree) {
    let keys = |found: &[Difference]| {
        let mut keys: Vec<String> = found.iter().map(|one| one.key.to_owned()).collect();
        keys.sort();
        keys
    };
    assert_eq!(
        keys(found),
        wanted.keys().cloned().collect::<Vec<_>>(),
        "{place}: what differs: {found:#?}"
    );
    for one in found {
        let Value::List(pair) = &wanted[one.key] else { panic!("{place}: [from, to]") };
        assert!(one.from.means(&pair[0]), "{place}: {} from {:?}", one.key, one.from);
        assert!(one.to.means(&pair[1]), "{place}: {} to {:?}", one.key, one.to);
    }
}

fn asks(kind: &Erased, differences: &[Difference]) -> &'static str {
    let marked = |one: &Difference| kind.key(one.key).is_some_and(|field| field.replaces);
    let replaces = |one: &Difference| one.forces.unwrap_or_else(|| marked(one));
    match differences {
        [] => "nothing",
        some if some.iter().any(replaces) => "replace",
        _ => "update",
    }
}

/// Returns the tables of a kind: `dns.record` has its own in `src/dns/record/cases`, or in
/// `src/dns/cases`.
fn tables(kind: &str) -> Vec<PathBuf> {
    let (provider, noun) = kind.split_once('.').unwrap();
    let provider = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(provider);
    let folders = [provider.join(noun.replace('-', "_")).join("cases"), provider.join("cases")];
    let folder = folders.into_iter().find(|folder| folder.is_dir());
    let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten();
    let files = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|e| e == "yml")).collect();
    files.sort();
    files
}
