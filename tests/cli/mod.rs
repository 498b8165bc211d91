//! Snapshots of the command line. Times, process numbers and places of this machine are covered.

mod project;

mod applies;
mod bad_files;
mod bad_world;
mod leases;
mod lives;
mod looks;
mod plans;
mod states;
mod terminals;
