//! The objects themselves, and what has happened to them.
//!
//! It must not wait for anything.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::event::Verb;
use model::{Context, Fault, Found, Object, Token, Tree};

use super::Call;

#[derive(Clone, Default)]
pub(super) struct Reality {
    /// By kind and id.
    pub objects: BTreeMap<(String, String), Tree>,
    pub log: Vec<String>,
    pub violations: Vec<String>,
    pub reads: usize,
    pub found: usize,
    /// How often something was made under a name: an id tells which one it is, and is the same
    /// whatever else happened before.
    made: HashMap<(String, String), usize>,
    /// What has happened, by token: the kind and id that it was about, and what.
    happened: HashMap<Token, (String, String, Verb)>,
    called: HashSet<Token>,
}

impl Reality {
    pub(super) fn object(&self, kind: &str, id: &str) -> Option<Object> {
        let attributes = self.objects.get(&(kind.to_owned(), id.to_owned()))?.clone();
        Some(Object { id: id.to_owned(), attributes })
    }

    pub(super) fn first_call(&mut self, token: &Token) -> bool {
        self.called.insert(token.clone())
    }

    pub(super) fn find(&mut self, token: &Token) -> Found {
        let Some((kind, id, verb)) = self.happened.get(token) else { return Found::Nothing };
        let found = match (verb, self.object(kind, id)) {
            (Verb::Delete, _) => Found::Done(None),
            (_, Some(object)) => Found::Done(Some(object)),
            (_, None) => return Found::Nothing,
        };
        self.found += 1;
        found
    }

    pub(super) fn happen(
        &mut self,
        context: &Context,
        call: Call<'_>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        let Call { kind, verb, old, identity, make } = call;
        let object = match old {
            Some(old) => make(old.id.clone()),
            None => make(identity.unwrap_or_else(|| self.fresh_id(context))),
        };
        let word = format!("{verb:?} {kind} {}", object.id).to_lowercase();
        self.log.push(word.clone());
        let about = (kind.to_owned(), object.id.clone(), verb);
        if self.happened.insert(token.clone(), about).is_some() {
            return Err(self.violated(format!("{word} happened twice")));
        }
        let key = (kind.to_owned(), object.id.clone());
        match (verb, self.objects.contains_key(&key)) {
            (Verb::Create, true) => Err(self.violated(format!("{word}, which is there already"))),
            (Verb::Update | Verb::Delete, false) => {
                Err(self.violated(format!("{word}, which is gone")))
            }
            (Verb::Delete, true) => {
                self.objects.remove(&key);
                Ok(None)
            }
            (Verb::Create, false) | (Verb::Update, true) => {
                self.objects.insert(key, object.attributes.clone());
                Ok(Some(object))
            }
        }
    }

    fn fresh_id(&mut self, context: &Context) -> String {
        let (stack, address) = (context.stack.to_string(), context.address.to_string());
        let made = self.made.entry((stack.clone(), address.clone())).or_default();
        *made += 1;
        format!("{stack}.{address}.{made}")
    }

    fn violated(&mut self, violation: String) -> Fault {
        self.violations.push(violation.clone());
        Fault::broken(violation)
    }
}
