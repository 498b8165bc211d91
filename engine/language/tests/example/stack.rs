//! A stack file: resources whose `kind` decides what else stands in them.

use std::any::Any;
use std::collections::BTreeMap;

use language::shape::{ScalarShape, Shape, Tagged};
use language::{Code, Decoder, Keys, Layout, Leaf, Name, Node, Record, Spec, suggest};

use super::process_service::Service;

/// What belongs together and is planned and applied as one.
#[derive(Debug, Spec)]
pub struct Stack {
    /// The name of the stack.
    pub stack: Name,
    /// Its resources by name.
    pub resources: BTreeMap<String, Resource>,
}

/// What every resource has.
#[derive(Debug, Spec)]
pub struct Header {
    /// Which kind of resource this is.
    pub kind: KindName,
    /// Resources that must be ready first, beside those that are referred to.
    #[spec(default = "[]")]
    pub needs: Vec<Name>,
    /// How many of it there are.
    pub count: Option<u32>,
    /// One of it for each of these.
    pub each: Option<Vec<String>>,
    /// Refuses to destroy or replace it.
    #[spec(default = "false")]
    pub protect: bool,
}

/// The name of a kind, such as `process.service`.
#[derive(Debug)]
pub struct KindName(pub String);

impl Leaf for KindName {
    const SHAPE: &'static ScalarShape =
        &ScalarShape::new("a kind", &["string"]).like(&["process.service"]).literal();

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

/// A header and the spec of its kind.
#[derive(Debug)]
pub struct Resource {
    pub header: Header,
    pub spec: Box<dyn Any>,
}

/// What the registry knows of a kind.
pub struct Kind {
    pub name: &'static str,
    pub layout: fn() -> &'static Layout,
    pub take: fn(&mut Keys<'_, '_, '_>) -> Option<Box<dyn Any>>,
}

/// THE list.
pub static KINDS: &[Kind] = &[Kind::of::<Service>("process.service")];

impl Kind {
    pub const fn of<R: Record + 'static>(name: &'static str) -> Self {
        Self {
            name,
            layout: R::layout,
            take: |keys| R::take(keys).map(|spec| Box::new(spec) as Box<dyn Any>),
        }
    }
}

impl Spec for Resource {
    fn shape() -> Shape {
        Shape::Tagged(|| Tagged {
            key: "kind",
            shared: Header::layout(),
            layouts: KINDS.iter().map(|kind| (kind.name, (kind.layout)())).collect(),
        })
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let kind = node.get("kind").and_then(|name| find(name, decoder));
        let Some(kind) = kind else {
            let mut keys = decoder.open_partly(node, vec![Header::layout()])?;
            Header::take(&mut keys);
            return None;
        };
        let mut keys = decoder.open(node, vec![Header::layout(), (kind.layout)()])?;
        let header = Header::take(&mut keys);
        let spec = (kind.take)(&mut keys);
        keys.close();
        Some(Self { header: header?, spec: spec? })
    }
}

fn find(name: Node<'_>, decoder: &mut Decoder<'_>) -> Option<&'static Kind> {
    let written = name.scalar()?.text;
    if written.contains("${") {
        // The header says that it must be written out.
        return None;
    }
    let known = KINDS.iter().find(|kind| kind.name == written);
    if known.is_none() {
        let error = decoder.error(Code::UnknownName, name, format!("there is no kind `{written}`"));
        decoder.note(match suggest::nearest(written, KINDS.iter().map(|kind| kind.name)) {
            Some(near) => error.label(format!("did you mean `{near}`?")),
            None => error.help("`windlass explain` lists all kinds"),
        });
    }
    known
}
