//! What this executable becomes when it is started with a role.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::Duration;

use providers::process::supervisor::{AgeBox, run};

pub(crate) const SUPERVISE: &str = "--supervise";
pub(crate) const SERVE: &str = "--serve";
pub(crate) const FLEE: &str = "--flee";

/// The supervisor of a folder, as the product's binary would be.
pub(crate) fn supervise(home: &str, key: &str) -> ExitCode {
    let key = AgeBox::from_file(Path::new(key)).expect("a key");
    run(Path::new(home), Box::new(key)).expect("a supervisor");
    ExitCode::SUCCESS
}

/// The web front of a folder, as the product's binary would be.
pub(crate) fn front(folder: &str) -> ExitCode {
    let names = std::env::var("LISTEN_FDNAMES").ok();
    let start = front::Start { folder: folder.into(), successor: false, names };
    front::run(&start).expect("a front");
    ExitCode::SUCCESS
}

/// A web server that answers with what the folder's file `status` holds, on the port `PORT`, or on
/// one of its own that it writes to the file `port`.
pub(crate) fn serve(folder: &str) -> ExitCode {
    let folder = Path::new(folder);
    let port = std::env::var("PORT").map_or(0, |port| port.parse().expect("a port"));
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("a port that is free");
    let port = listener.local_addr().expect("an address").port();
    fs::write(folder.join("port"), port.to_string()).expect("a file");
    for stream in listener.incoming() {
        let mut stream = stream.expect("a connection");
        let _ = stream.read(&mut [0; 4096]);
        let status = fs::read_to_string(folder.join("status")).unwrap_or_else(|_| "200".into());
        let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
    }
    ExitCode::SUCCESS
}

#[expect(clippy::zombie_processes, reason = "it is ended before its children are")]
/// A service whose descendants flee: into a session of their own, with a parent that ended, and
/// without their environment. Each writes its pid into the folder.
pub(crate) fn flee(folder: &str) -> ExitCode {
    let folder = Path::new(folder);
    let shell = |script: String| {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(script).stdin(Stdio::null());
        command
    };
    let file = |name: &str| folder.join(name).display().to_string();
    let forever = |name: &str| format!("echo $$ > {}; exec sleep 1000", file(name));
    let own_session = format!("setsid sh -c '{}' & sleep 1000", forever("session"));
    shell(own_session).process_group(0).spawn().expect("a child");
    let orphan = format!("(setsid sh -c '{}' &) & exit 0", forever("orphan"));
    shell(orphan).spawn().expect("a child").wait().expect("an end");
    shell(format!("setsid sh -c '{}' & sleep 1000", forever("bare")))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .spawn()
        .expect("a child");
    shell(format!("trap '' TERM; echo $$ > {}; while :; do sleep 1; done", file("deaf")))
        .spawn()
        .expect("a child");
    fs::write(folder.join("leader"), std::process::id().to_string()).expect("a file");
    loop {
        sleep(Duration::from_secs(1000));
    }
}
