//! Plans and the like that the tests of several modules draw.

use std::collections::BTreeMap;

use model::plan::{
    Action, Item, Outputs, Place, Plan, Put, Reason, Seen, Step, Verdict, Want, Work,
};
use model::value::Piece;
use model::{Digest, Order, Tree, Value};

/// A map of values.
pub(crate) fn tree(pairs: &[(&str, Value)]) -> Tree {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

/// A secret, told from another by its text.
pub(crate) fn secret(text: &str) -> Value {
    Value::Parts(vec![Piece::Secret { name: "db".to_owned(), hash: Digest::of(text.as_bytes()) }])
}

/// A value that becomes known later.
pub(crate) fn later(path: &str) -> Value {
    Value::Parts(vec![Piece::Later(path.to_owned())])
}

/// An item without reasons.
pub(crate) fn item(address: &str, kind: &str, action: Action) -> Item {
    Item {
        address: address.to_owned(),
        kind: kind.to_owned(),
        action,
        reasons: Vec::new(),
        note: None,
        drifted: false,
    }
}

/// A reason with its line in `stacks/shop.yml`.
pub(crate) fn reason(
    key: &str,
    from: impl Into<Value>,
    to: impl Into<Value>,
    line: usize,
) -> Reason {
    let at = Some(Place { file: "stacks/shop.yml".to_owned(), line });
    Reason { key: key.to_owned(), from: from.into(), to: to.into(), forces: false, at }
}

/// A step that makes something with these keys.
pub(crate) fn put(address: &str, kind: &str, spec: Tree) -> Step {
    let want = Want {
        kind: kind.to_owned(),
        spec,
        shape: Digest::default(),
        reads: Vec::new(),
        needs: Vec::new(),
        protect: false,
        forced: false,
    };
    let put = Put {
        want,
        seen: None,
        key: address.to_owned(),
        most: Verdict::Update,
        order: Order::DestroyFirst,
    };
    Step::new(address, Work::Put(Box::new(put)))
}

/// A step that destroys something.
pub(crate) fn delete(address: &str) -> Step {
    let seen = Seen { generation: 1, object: None };
    Step::new(address, Work::Delete { key: address.to_owned(), seen, want: None })
}

/// The step that remembers outputs.
pub(crate) fn outputs() -> Step {
    let (values, shape) = (Tree::new(), Digest::default());
    let outputs = Outputs { values, shape, reads: Vec::new(), seen: None };
    Step::new("outputs", Work::Outputs(Box::new(outputs)))
}

/// A step that waits for others.
pub(crate) fn after(step: Step, needs: &[&str]) -> Step {
    Step { needs: needs.iter().map(|need| (*need).into()).collect(), ..step }
}

/// A plan of these items, with the steps that make what it creates.
pub(crate) fn plan_of(items: Vec<Item>, unchanged: usize) -> Plan {
    Plan {
        stack: "shop".to_owned(),
        unchanged,
        known: unchanged,
        items,
        steps: vec![outputs()],
        lists: std::collections::BTreeMap::new(),
        outputs: Vec::new(),
        refused: Vec::new(),
    }
}

/// A plan with one of everything.
pub(crate) fn shop() -> Plan {
    let replace = Action::Replace { order: Order::CreateFirst, sure: true };
    let environment = |secret_text: &str, mode: &str| {
        Value::Map(tree(&[("DB_URL", secret(secret_text)), ("MODE", mode.into())]))
    };
    let mut items = vec![
        item("config/nginx.conf", "file.template", Action::Create),
        Item {
            reasons: vec![
                reason("command", "serve --workers 2", "serve --workers 4", 31),
                reason("environment", environment("a", "fast"), environment("b", "fast"), 33),
            ],
            ..item("web", "process.service", Action::Update)
        },
        Item {
            reasons: vec![
                Reason {
                    forces: true,
                    ..reason("names", vec!["shop.test"], vec!["shop.test", "www.shop.test"], 18)
                },
                reason("serial", "4711", later("authority.serial"), 19),
            ],
            ..item("site", "cert.certificate", replace)
        },
        item("www", "dns.record", Action::Create),
        item("session_key", "random.password", Action::Create),
        Item {
            note: Some("renamed, was cache".to_owned()),
            ..item("redis", "process.service", Action::Remember)
        },
        item("old", "file.text", Action::Delete),
        item("archive", "file.directory", Action::Forget),
    ];
    items.sort_by(|a, b| a.address.cmp(&b.address));
    let values: BTreeMap<String, Value> =
        tree(&[("values", vec!["127.0.0.1"].into()), ("type", "A".into())]);
    let steps = vec![
        put("config/nginx.conf", "file.template", tree(&[("path", "config/nginx.conf".into())])),
        put("session_key", "random.password", tree(&[("length", 32_u16.into())])),
        put("www", "dns.record", values),
        outputs(),
    ];
    Plan { items, steps, known: 16, ..plan_of(Vec::new(), 11) }
}
