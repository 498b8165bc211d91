//! Grows in place, and is replaced to shrink: no mark can say that.

use std::sync::Arc;

use language::Spec;
use model::{Difference, Kind, Object, Secrets, Value};

use super::in_a_world;
use crate::world::World;

pub(super) struct ToyDisk(pub Arc<World>);

/// A disk.
#[derive(Debug, Spec)]
pub(super) struct DiskSpec {
    /// How large it is.
    size: u32,
}

/// What it gives.
#[derive(Debug, Spec)]
#[expect(dead_code, reason = "a declaration: nobody makes one")]
pub(super) struct DiskObject {
    /// Under which name it is found.
    #[spec(follows = "")]
    device: String,
}

impl Kind for ToyDisk {
    const NAME: &'static str = "toy.disk";
    const EXAMPLE: &'static str = "kind: toy.disk\nsize: 4\n";
    type Spec = DiskSpec;
    type Object = DiskObject;

    fn diff(spec: &DiskSpec, object: &Object, _: &dyn Secrets) -> Vec<Difference> {
        let mut differences = Difference::among(object, [("size", spec.size.into())]);
        let smaller = object.text("size").parse::<u32>().is_ok_and(|size| spec.size < size);
        differences.iter_mut().for_each(|difference| difference.forces = Some(smaller));
        differences
    }

    in_a_world!(ToyDisk: DiskSpec, made);
}

fn made(spec: &DiskSpec, _: Option<&Object>, id: String, _: &dyn Secrets) -> Object {
    let device = Value::text(id.as_str());
    Object::new(id, [("size", spec.size.into()), ("device", device)])
}
