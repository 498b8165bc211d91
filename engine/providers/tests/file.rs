//! `file.*`: what stands on a disk, and what a disk refuses.

mod archives;
mod disk;
mod folders;
mod templates;
mod texts;
