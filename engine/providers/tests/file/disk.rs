//! What a disk refuses: no room, no right, read only. For real: a small disk of its own, and a user
//! who may do nothing.

use std::path::Path;

use model::Fault;
use model::fault::Nature;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};

use crate::lab::{Lab, alone, become_nobody};
use crate::life::Life;

/// A disk of 64 KiB in memory, gone when it is dropped.
struct SmallDisk<'p>(&'p Path);

impl<'p> SmallDisk<'p> {
    fn at(place: &'p Path) -> Self {
        std::fs::create_dir_all(place).unwrap();
        let size = c"size=64k";
        mount("tmpfs", place, "tmpfs", MountFlags::empty(), Some(size))
            .expect("these tests mount a small disk, which root may");
        Self(place)
    }

    fn read_only(&self) {
        mount_remount(self.0, MountFlags::RDONLY, "").unwrap();
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        unmount(self.0, UnmountFlags::DETACH).unwrap();
    }
}

#[tokio::test]
async fn a_full_disk_says_so_and_leaves_the_old_file_whole() {
    let lab = Lab::new();
    let place = lab.place("disk");
    let _disk = SmallDisk::at(&place);
    let life = Life::of(&lab, "file.text");
    let made = life.create("{path: disk/a.txt, content: old}").await.unwrap();
    let large = format!("{{path: disk/a.txt, content: {}}}", "x".repeat(200_000));
    let fault = life.update(&large, &made).await.unwrap_err();
    assert_eq!(fault.nature, Nature::Broken);
    assert!(fault.message.starts_with("cannot write "), "{}", fault.message);
    assert!(fault.message.ends_with(": no space left on device"), "{}", fault.message);
    assert_eq!(fault.help.as_deref(), Some("make room on that disk, then apply again"));
    assert_eq!(lab.text("disk/a.txt"), "old");
    assert_eq!(lab.names("disk"), ["a.txt"], "nothing half written is left");
}

#[tokio::test]
async fn a_disk_that_is_read_only_says_so() {
    let lab = Lab::new();
    let place = lab.place("disk");
    let disk = SmallDisk::at(&place);
    let life = Life::of(&lab, "file.text");
    let made = life.create("{path: disk/a.txt, content: old}").await.unwrap();
    disk.read_only();
    let fault = life.update("{path: disk/a.txt, content: new}", &made).await.unwrap_err();
    assert!(fault.message.ends_with(": read-only file system"), "{}", fault.message);
    assert!(fault.help.is_some());
    let fault = life.delete("{path: disk/a.txt, content: new}", &made).await.unwrap_err();
    assert!(fault.message.ends_with(": read-only file system"), "{}", fault.message);
    let fault = Life::of(&lab, "file.directory").create("path: disk/folder").await.unwrap_err();
    assert!(fault.message.ends_with(": read-only file system"), "{}", fault.message);
}

#[tokio::test]
async fn an_archive_for_which_there_is_no_room_leaves_nothing() {
    let lab = Lab::new();
    let place = lab.place("disk");
    let _disk = SmallDisk::at(&place);
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(200_000);
    header.set_mode(0o644);
    tar.append_data(&mut header, "large", &*vec![b'x'; 200_000]).unwrap();
    lab.write("a.tar", tar.into_inner().unwrap());
    let life = Life::of(&lab, "file.archive");
    let fault = life.create("{source: a.tar, destination: disk/it}").await.unwrap_err();
    assert!(fault.message.ends_with("/large: no space left on device"), "{fault:?}");
    assert_eq!(lab.names("disk"), Vec::<String>::new());
}

#[test]
fn a_folder_that_is_not_ours_says_so() {
    let fault = as_nobody("file.text", "{path: a.txt, content: x}");
    assert!(fault.message.ends_with(": permission denied"), "{}", fault.message);
    let help = "let the user who runs this write it, or choose another place";
    assert_eq!(fault.help.as_deref(), Some(help));
    let fault = as_nobody("file.directory", "path: run");
    assert!(fault.message.ends_with(": permission denied"), "{}", fault.message);
}

#[test]
fn a_file_that_may_not_be_given_away_is_not_written() {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::new();
    std::fs::set_permissions(lab.place("."), std::fs::Permissions::from_mode(0o777)).unwrap();
    let life = Life::of(&lab, "file.text");
    let keys = "{path: a.txt, content: x, owner: root}";
    let fault = alone(become_nobody, async || life.create(keys).await).unwrap_err();
    let place = lab.place("a.txt");
    let message = format!("cannot give to root {}: operation not permitted", place.display());
    assert_eq!(fault.message, message);
    assert!(fault.help.unwrap().starts_with("only root may give files away"));
    assert_eq!(lab.names("."), Vec::<String>::new());
}

#[tokio::test]
async fn a_link_in_the_place_of_a_temporary_file_is_not_followed() {
    let lab = Lab::new();
    let (life, token) = (Life::of(&lab, "file.text"), lab.token());
    lab.write("precious", "kept");
    let planted = lab.place(&format!(".windlass-{token}"));
    std::os::unix::fs::symlink("precious", planted).unwrap();
    life.create_as("{path: a.txt, content: x}", &token).await.unwrap();
    assert_eq!((lab.text("precious"), lab.text("a.txt")), ("kept".into(), "x".into()));
    assert!(!lab.place("a.txt").is_symlink());
}

/// Makes a thing in a folder of somebody else's, as a user who may do nothing.
fn as_nobody(kind: &str, keys: &str) -> Fault {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::new();
    let mode = std::fs::Permissions::from_mode(0o555);
    std::fs::set_permissions(lab.place("."), mode).unwrap();
    let life = Life::of(&lab, kind);
    alone(become_nobody, async || life.create(keys).await).unwrap_err()
}
