//! A file with a wanted content: what `file.text` and `file.template` have in common once the
//! content is there.
//!
//! It must not know where the content comes from.

use std::path::Path;

use language::scalar::Mode;
use model::{Change, Context, Difference, Fault, Found, Known, Looked, Object};
use model::{SecretText, Secrets, Token, Value};

use super::look;
use super::owner::Names;
use super::write::{self, Rights};
use crate::disk;

/// After so many files others get a turn.
const TURN: usize = 64;

/// A file as it should be.
pub(crate) struct Wanted {
    /// As it stands in the stack, without `.` and doubled slashes: also its id.
    pub(crate) path: String,
    pub(crate) content: SecretText,
    /// The content may hold secrets: only a hash of it may be kept.
    pub(crate) sealed: bool,
    /// That is why nobody else may read it, as nobody has said who may.
    pub(crate) hidden: bool,
    pub(crate) rights: Rights,
    pub(crate) adopt: bool,
}

impl Wanted {
    /// Returns what differs from what there is.
    pub(crate) fn differences(&self, object: &Object, secrets: &dyn Secrets) -> Vec<Difference> {
        let mut found = Vec::new();
        if object.id != self.path {
            found.push(Difference::new("path", object.id.clone(), self.path.clone()));
        }
        if !self.is_content_of(object, secrets) {
            found.push(Difference::new("content", content_of(object), self.as_value(secrets)));
        }
        found.extend(rights(object, &self.rights));
        found
    }

    fn is_content_of(&self, object: &Object, secrets: &dyn Secrets) -> bool {
        let text = self.content.expose();
        match object.get("content") {
            Value::Sealed(hash) => secrets.hash(text) == *hash,
            Value::Text(there) | Value::Plain(there) => there == text,
            _ => object.text("digest") == look::digest(text.as_bytes(), self.sealed, secrets),
        }
    }

    fn as_value(&self, secrets: &dyn Secrets) -> Value {
        let text = self.content.expose();
        if self.sealed { Value::Sealed(secrets.hash(text)) } else { Value::text(text) }
    }

    /// Brings the file about.
    fn put(&self, context: &Context, new: bool, token: &Token) -> Result<Object, Fault> {
        let place = disk::own_place(context, &self.path)?;
        if let Some(there) = self.may_put(context, new)? {
            return Ok(there);
        }
        write::put(&place, self.content.expose().as_bytes(), &self.rights, token)?;
        let written = self.look(context)?;
        written.ok_or_else(|| Fault::passing(format!("{} is gone already", place.display())))
    }

    /// Returns what is there, if it is as it should be.
    ///
    /// # Errors
    /// It is not to be had.
    fn may_put(&self, context: &Context, new: bool) -> Result<Option<Object>, Fault> {
        let Some(there) = self.look(context)? else { return Ok(None) };
        let differences = self.differences(&there, context.secrets());
        if differences.is_empty() {
            return Ok(Some(there));
        }
        may_replace(&self.path, &there, &differences, new && !self.adopt).map(|()| None)
    }

    /// Says what is in its way, or who may read it.
    pub(crate) fn foresee(&self, context: &Context) -> Result<Option<String>, Fault> {
        disk::own_place(context, &self.path)?;
        let hidden = || self.hidden.then(|| "mode 0600, as it holds a secret".to_owned());
        Ok(in_the_way(self.may_put(context, true)).or_else(hidden))
    }

    fn look(&self, context: &Context) -> Result<Option<Object>, Fault> {
        let (place, names) = (context.place(&self.path), Names::default());
        look::file(&self.path, &place, self.sealed, context.secrets(), &names)
    }
}

/// Refuses to write over what stands there: a folder always, what is not ours where it is taken
/// over.
pub(crate) fn may_replace(
    path: &str,
    there: &Object,
    differences: &[Difference],
    not_ours: bool,
) -> Result<(), Fault> {
    let form = there.text("form");
    if !form.is_empty() && !form.starts_with("a link") {
        return Err(
            Fault::refused(format!("{path} is {form}")).help("remove it, or choose another path")
        );
    }
    if not_ours { Err(taken(path, differences)) } else { Ok(()) }
}

/// Returns what there is in the places of files.
pub(crate) async fn read<S>(context: &Context, known: &[Known<S>]) -> Result<Vec<Looked>, Fault> {
    let (names, mut found) = (Names::default(), Vec::with_capacity(known.len()));
    for known in known {
        let id = disk::tidy(&known.id);
        let place = context.place(&id);
        found.push(look::file(&id, &place, known.sealed, context.secrets(), &names));
        if found.len() % TURN == 0 {
            tokio::task::yield_now().await;
        }
    }
    Ok(found)
}

/// Brings a change about.
pub(crate) fn apply<S>(
    context: &Context,
    change: &Change<'_, S>,
    wanted: Option<Wanted>,
    token: &Token,
) -> Result<Option<Object>, Fault> {
    match (change, wanted) {
        (Change::Delete(_, object), _) => {
            remove(&disk::own_place(context, &object.id)?).map(|()| None)
        }
        (change, Some(wanted)) => wanted.put(context, change.object().is_none(), token).map(Some),
        (_, None) => Err(Fault::broken("nothing is wanted of it")),
    }
}

/// Returns whether a change has come about. Whoever made the file as it is wanted: it is there.
pub(crate) fn find<S>(
    context: &Context,
    change: &Change<'_, S>,
    wanted: Option<Wanted>,
    token: &Token,
) -> Result<Found, Fault> {
    if let (Change::Delete(_, object), _) = (change, &wanted) {
        let there = look::metadata(&context.place(&object.id))?;
        return Ok(there.map_or(Found::Done(None), |_| Found::Nothing));
    }
    let Some(wanted) = wanted else { return Ok(Found::Nothing) };
    write::clear(&context.place(&wanted.path), token)?;
    let there = wanted.look(context)?;
    let there = there.filter(|there| wanted.differences(there, context.secrets()).is_empty());
    Ok(there.map_or(Found::Nothing, |there| Found::Done(Some(there))))
}

/// Returns what differs in mode, owner and group. A user may be written by name or number.
pub(crate) fn rights(object: &Object, rights: &Rights) -> Vec<Difference> {
    let mut found = Vec::new();
    let mode = rights.mode.to_string();
    if object.text("mode").parse::<Octal>().is_ok_and(|there| there.0 != rights.mode) {
        found.push(Difference::new("mode", object.get("mode").clone(), mode));
    }
    for (key, number, wanted) in [("owner", "uid", &rights.owner), ("group", "gid", &rights.group)]
    {
        let Some(wanted) = wanted else { continue };
        if object.text(key) != wanted && object.text(number) != wanted {
            found.push(Difference::new(key, object.get(key).clone(), wanted.clone()));
        }
    }
    found
}

/// Says that something else stands there already.
pub(crate) fn taken(path: &str, differences: &[Difference]) -> Fault {
    let keys: Vec<&str> = differences.iter().map(|difference| difference.key).collect();
    Fault::refused(format!("{path} is there already, with another {}", keys.join(" and another ")))
        .help("`adopt: true` takes it over and changes it; or move it away")
}

/// Says in a plan why what is to be made would be refused as the world is now. An earlier step may yet
/// change that.
pub(crate) fn in_the_way<T>(may: Result<T, Fault>) -> Option<String> {
    Some(format!("cannot be made now: {}", may.err()?.message))
}

/// Says how many files, if there are any.
pub(crate) fn counted(files: usize, one: &str, many: &str) -> Option<String> {
    match files {
        0 => None,
        1 => Some(format!("1 file {one}")),
        _ => Some(format!("{files} files {many}")),
    }
}

fn content_of(object: &Object) -> Value {
    match object.text("form") {
        "" => object.get("content").clone(),
        form => Value::text(format!("({form})")),
    }
}

/// Removes a file or a link; what is gone is no error.
pub(crate) fn remove(place: &Path) -> Result<(), Fault> {
    let Some(metadata) = look::metadata(place)? else { return Ok(()) };
    if metadata.is_dir() {
        return Err(Fault::refused(format!(
            "{} is a folder by now, not the file",
            place.display()
        ))
        .help("look at what is in it, and remove it by hand"));
    }
    disk::remove(place).map_err(|error| disk::fault("remove", place, &error))
}

/// A mode as an attribute holds it.
struct Octal(Mode);

impl std::str::FromStr for Octal {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u32::from_str_radix(text, 8).map(|bits| Self(Mode(bits)))
    }
}
