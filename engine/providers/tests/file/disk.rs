//! What a disk refuses: no room, no right, read only. For real: a small disk of its own, and a user
//! who may do nothing.

use std::path::Path;

use model::Fault;
use model::fault::Nature;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};

use crate::lab::Lab;
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

/// Makes a thing in a folder of somebody else's, as a user who may do nothing. The thread changes
/// its user for itself alone, and ends.
fn as_nobody(kind: &str, keys: &str) -> Fault {
    use rustix::process::{Gid, Uid};
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::new();
    let mode = std::fs::Permissions::from_mode(0o555);
    std::fs::set_permissions(lab.place("."), mode).unwrap();
    std::thread::scope(|scope| {
        let work = || {
            if rustix::process::geteuid().is_root() {
                let (gid, uid) = (Gid::from_raw(65534), Uid::from_raw(65534));
                rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
                rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
            }
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(Life::of(&lab, kind).create(keys)).unwrap_err()
        };
        scope.spawn(work).join().unwrap()
    })
}
