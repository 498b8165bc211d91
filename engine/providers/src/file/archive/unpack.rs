//! Unpacking into a folder of its own, from which nothing leads out.
//!
//! What would lead out, or is neither file, folder nor link, refuses the whole archive. It must not
//! decide where the folder goes.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use model::Fault;

use super::entries::{self, Entry, What};
use super::spec::Format;
use crate::beside::{Stop, beside};
use crate::disk;

/// What is to be unpacked, and where.
pub(super) struct Order {
    pub(super) archive: PathBuf,
    /// Of the archive, for people.
    pub(super) name: String,
    pub(super) format: Format,
    pub(super) folder: PathBuf,
    /// So many folders at the beginning of each name are left out.
    pub(super) strip: usize,
    /// The most bytes that may come out.
    pub(super) most: u64,
}

/// Unpacks, beside the other work. Its one effect is its own folder, which nobody knows yet: when
/// it is given up it stops at the next piece and takes that folder away again.
pub(super) async fn unpack(order: Order) -> Result<(), Fault> {
    beside(move |stop| {
        let unpacked = run(&order, stop);
        if stop.is_called() {
            // Whoever looks for the token removes what is left then.
            _ = fs::remove_dir_all(&order.folder);
        }
        unpacked
    })
    .await
}

fn run(order: &Order, stop: &Stop) -> Result<(), Fault> {
    let failed = |error| disk::fault("read", &order.archive, &error);
    let file = stop.watch(File::open(&order.archive).map_err(failed)?);
    disk::make_one(&order.folder, 0o700)
        .map_err(|error| disk::fault("write", &order.folder, &error))?;
    let mut folder = Folder { order, left: order.most, modes: vec![(order.folder.clone(), 0o755)] };
    entries::each(file, order, &mut |entry| folder.take(entry))?;
    folder.close()
}

struct Folder<'o> {
    order: &'o Order,
    /// So many bytes may still come out.
    left: u64,
    /// Of folders, which must be open to us until everything is in them.
    modes: Vec<(PathBuf, u32)>,
}

impl Folder<'_> {
    fn take(&mut self, entry: Entry<'_>) -> Result<(), Fault> {
        let Some(inside) = self.inside(&entry.path)? else { return Ok(()) };
        let place = self.order.folder.join(&inside);
        self.make_parents(&inside)?;
        match entry.what {
            What::Folder(mode) => self.folder(&place, mode),
            What::File(mode, content) => self.file(&place, mode, entry.modified, content),
            What::Link(target) => self.link(&place, &inside, &target),
            What::Same(target) => self.same(&place, &target),
            What::Other(what) => {
                Err(self.refused(&format!("holds {what}: `{}`", entry.path.display())))
            }
        }
    }

    /// Returns where an entry stands in the folder; None: it is left out.
    fn inside(&self, path: &Path) -> Result<Option<PathBuf>, Fault> {
        let mut parts = Vec::new();
        for part in path.components() {
            match part {
                Component::Normal(part) => parts.push(part),
                Component::CurDir => {}
                _ => {
                    let path = path.display();
                    return Err(
                        self.refused(&format!("holds `{path}`, which leads out of the folder"))
                    );
                }
            }
        }
        let inside: PathBuf = parts.into_iter().skip(self.order.strip).collect();
        Ok((!inside.as_os_str().is_empty()).then_some(inside))
    }

    /// Makes the folders above an entry. None of them may be a link: it could lead out.
    fn make_parents(&self, inside: &Path) -> Result<(), Fault> {
        let mut place = self.order.folder.clone();
        for part in inside.parent().unwrap_or(Path::new("")).components() {
            place.push(part);
            match fs::symlink_metadata(&place) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => {
                    let inside = inside.display();
                    return Err(
                        self.refused(&format!("holds `{inside}` beneath what is no folder"))
                    );
                }
                Err(_) => disk::make_one(&place, 0o755).map_err(|error| failed(&place, &error))?,
            }
        }
        Ok(())
    }

    fn folder(&mut self, place: &Path, mode: u32) -> Result<(), Fault> {
        if !fs::symlink_metadata(place).is_ok_and(|metadata| metadata.is_dir()) {
            disk::make_one(place, 0o700).map_err(|error| failed(place, &error))?;
        }
        // Whoever unpacks it must be able to remove it.
        self.modes.push((place.to_owned(), mode & 0o777 | 0o700));
        Ok(())
    }

    fn file(
        &mut self,
        place: &Path,
        mode: u32,
        modified: SystemTime,
        content: &mut dyn Read,
    ) -> Result<(), Fault> {
        self.free(place)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(place);
        let mut file = file.map_err(|error| failed(place, &error))?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) => return Err(entries::broken(&self.order.name, &error)),
            };
            let Some(left) = self.left.checked_sub(length as u64) else {
                let most = language::Size(self.order.most);
                return Err(self
                    .refused(&format!("unpacks to more than {most}"))
                    .help("give it more with `max_size`, if that is what you expect"));
            };
            self.left = left;
            file.write_all(&buffer[..length]).map_err(|error| failed(place, &error))?;
        }
        let given = file.set_permissions(Permissions::from_mode(mode & 0o777));
        given.and_then(|()| file.set_modified(modified)).map_err(|error| failed(place, &error))
    }

    /// A link may lead to where the archive itself goes, and no further. Folders on its way may be
    /// links that lead elsewhere, and a step up from there is a step from that place: so it goes up
    /// first, if at all.
    fn link(&self, place: &Path, inside: &Path, target: &Path) -> Result<(), Fault> {
        let mut depth = inside.components().count() - 1;
        let mut down = false;
        for part in target.components() {
            let up = part == Component::ParentDir;
            let fits = match part {
                Component::ParentDir => !down && depth > 0,
                Component::Normal(_) | Component::CurDir => true,
                _ => false,
            };
            if !fits || target.as_os_str().is_empty() {
                let (inside, target) = (inside.display(), target.display());
                let what = format!(
                    "holds the link `{inside}` to `{target}`, which may lead out of the folder"
                );
                return Err(self.refused(&what));
            }
            down |= matches!(part, Component::Normal(_));
            depth -= usize::from(up);
        }
        self.free(place)?;
        symlink(target, place).map_err(|error| failed(place, &error))
    }

    /// The same file under a second name.
    fn same(&self, place: &Path, target: &Path) -> Result<(), Fault> {
        let inside = self.inside(target)?.unwrap_or_default();
        self.make_parents(&inside)?;
        let first = self.order.folder.join(&inside);
        if !fs::symlink_metadata(&first).is_ok_and(|metadata| metadata.is_file()) {
            let target = target.display();
            return Err(self
                .refused(&format!("holds a second name for `{target}`, which is no file in it")));
        }
        self.free(place)?;
        fs::hard_link(&first, place).map_err(|error| failed(place, &error))
    }

    /// An archive may hold a name twice: the last one counts.
    fn free(&self, place: &Path) -> Result<(), Fault> {
        match fs::symlink_metadata(place) {
            Ok(metadata) if metadata.is_dir() => {
                let place = place.strip_prefix(&self.order.folder).unwrap_or(place).display();
                Err(self.refused(&format!("holds `{place}` as a folder and as a file")))
            }
            Ok(_) => fs::remove_file(place).map_err(|error| failed(place, &error)),
            Err(_) => Ok(()),
        }
    }

    fn close(self) -> Result<(), Fault> {
        for (place, mode) in self.modes.iter().rev() {
            let given = fs::set_permissions(place, Permissions::from_mode(*mode));
            given.map_err(|error| failed(place, &error))?;
        }
        Ok(())
    }

    fn refused(&self, why: &str) -> Fault {
        Fault::refused(format!("{} {why}", self.order.name))
    }
}

fn failed(place: &Path, error: &io::Error) -> Fault {
    disk::fault("write", place, error)
}
