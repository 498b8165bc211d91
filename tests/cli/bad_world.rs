//! What a machine refuses: full disks, folders that cannot be written, stores that are damaged or of
//! another time, ports that are taken. For real: no fault is made up.

use std::net::TcpListener;

use crate::cli::project::{SmallDisk, TestProject};

const NOTE: &str = "  note: { kind: file.text, path: a.txt, content: hello }\n";

#[test]
fn a_full_disk_stops_the_run_and_nothing_is_begun_that_is_not_in_the_journal() {
    let project = TestProject::new();
    let Some(_disk) = SmallDisk::at(project.place(".windlass"), 400) else { return };
    let many: String = (0..3_000)
        .map(|at| {
            format!(
                "  v{at}: {{ kind: data.value, input: \"{at} is a value with some text to it\" }}\n"
            )
        })
        .collect();
    project.write(
        "stacks/shop.yml",
        format!(
            "stack: shop
resources:
{many}"
        ),
    );
    let answer = project.run(["apply", "-y", "--quiet"]);
    insta::assert_snapshot!(answer.stderr, @r#"
    error: the store cannot be written, the disk is full: database or disk is full
        try: make room; nothing was begun that is not in the journal
    "#);
    assert_eq!(answer.code, 1);
}

#[test]
fn a_project_that_cannot_be_written_says_so() {
    let project = TestProject::new();
    let Some(disk) = SmallDisk::at(project.place("inside"), 400) else { return };
    project.write(
        "inside/stacks/shop.yml",
        format!(
            "stack: shop
resources:
{NOTE}"
        ),
    );
    disk.read_only();
    insta::assert_snapshot!(project.run(["plan", "--project", "inside"]), @r#"
    --- stderr
    error: cannot make /project/inside/.windlass: Read-only file system (os error 30)
        try: even a plan has to: make the folder writable, or plan in a copy of it
    --- exit 1
    "#);
}

#[test]
fn a_corrupt_store_is_refused_and_left_as_it_is() {
    let project = TestProject::of(NOTE);
    project.done(["apply", "-y"]);
    let junk = "this was a store once, and somebody wrote over it\n".repeat(200);
    project.write(".windlass/store.db", &junk);
    for side in ["store.db-wal", "store.db-shm"] {
        std::fs::remove_file(project.place(".windlass").join(side)).ok();
    }
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    --- stderr
    error: the store is damaged: file is not a database
        try: nothing was changed; put back a copy of .windlass/store.db (`windlass doctor` checks it),
             or move it away and `windlass import` what exists
    --- exit 1
    "#);
    let doctor = project.run(["doctor"]);
    assert!(doctor.stdout.contains("✗ store"), "{doctor}");
    assert_eq!(project.read(".windlass/store.db"), junk);
}

#[test]
fn a_store_with_a_damaged_page_is_found_by_the_doctor() {
    let project = TestProject::of(NOTE);
    project.done(["apply", "-y"]);
    let path = project.place(".windlass/store.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let page = 4096 * 3;
    bytes[page..page + 200].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    let answer = project.run(["doctor"]);
    assert_eq!(answer.code, 1, "{answer}");
    assert!(answer.stdout.contains("✗ store"), "{answer}");
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let project = TestProject::of(NOTE);
    project.done(["plan"]);
    // The version is the big-endian number at byte 60: the SQLite file format, section 1.3.
    let path = project.place(".windlass/store.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    std::fs::write(&path, bytes).unwrap();
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    --- stderr
    error: the store has format 99 and this program knows 4: use the newer windlass that wrote it
        try: install the version that wrote it
    --- exit 1
    "#);
}

#[test]
fn a_port_that_somebody_has_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let project = TestProject::of(&format!(
        "  web:
    kind: process.service
    command: [sleep, \"60\"]
    health: {{ tcp: {port} }}
"
    ));
    let answer = project.run(["apply", "-y"]);
    project.run(["destroy", "shop", "-y"]);
    let holder = std::process::id().to_string();
    let answer = answer.to_string().replace(&holder, "PID").replace(&port.to_string(), "PORT");
    let name = std::fs::read_to_string("/proc/self/comm").unwrap();
    insta::assert_snapshot!(answer.replace(name.trim_end(), "PROGRAM"), @r#"
    shop  1 to create  N.NN s

      + process.service  web  command [sleep, 60], health {tcp: PORT}

    shop  apply, run 1: 1 step
      ✗ process.service  web  port PORT is taken by PROGRAM (pid PID)  N.NN s
    ✗ process.service  web  port PORT is taken by PROGRAM (pid PID)
        try: end that, or give this service another port

    shop  not finished: 1 failed  N.NN s
          what was done stays; `windlass apply shop` looks at the rest anew                       exit 1
    --- exit 1
    "#);
}

#[test]
fn a_key_that_is_gone_is_found_by_the_doctor() {
    let project = TestProject::of(NOTE);
    project.with_input(["secret", "set", "password"], "correct-horse-battery");
    std::fs::remove_file(project.place(".windlass/key")).unwrap();
    for _ in 0..2 {
        let answer = project.run(["doctor"]);
        assert!(answer.stdout.contains("✗ key"), "{answer}");
        assert_eq!(project.run(["plan"]).code, 1, "no new key is made");
    }
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    --- stderr
    error: the project's key is not there, and secrets.age was made with it
        try: put a copy of it at /project/.windlass/key; if it is lost for good, move
             secrets.age away, set the secrets again and `windlass import` what exists
    --- exit 1
    "#);
}

#[test]
fn an_empty_store_is_not_taken_for_a_new_one() {
    let project = TestProject::of("  say: { kind: command.run, create: [echo, hello] }\n");
    project.done(["apply", "-y"]);
    for beside in ["store.db-wal", "store.db-shm"] {
        std::fs::remove_file(project.place(".windlass").join(beside)).ok();
    }
    project.write(".windlass/store.db", "");
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    --- stderr
    error: /project/.windlass/store.db is empty, and runs were kept in it
        try: put back a copy of it; if there is none, move it away and `windlass import` what exists
    --- exit 1
    "#);
    let doctor = project.run(["doctor"]);
    assert_eq!(doctor.code, 1, "{doctor}");
    assert!(doctor.stdout.contains("is empty: nothing is remembered"), "{doctor}");
}

#[test]
fn a_folder_that_cannot_be_written_is_told_by_plan_and_doctor() {
    let project = TestProject::of("  note: { kind: file.text, path: a.txt, content: hello }\n");
    let Some(disk) = SmallDisk::at(project.place("ro"), 256) else { return };
    project.write("ro/stacks/shop.yml", project.read("stacks/shop.yml"));
    disk.read_only();
    insta::assert_snapshot!(project.run(["plan", "--project", "ro"]), @r#"
    --- stderr
    error: cannot make /project/ro/.windlass: Read-only file system (os error 30)
        try: even a plan has to: make the folder writable, or plan in a copy of it
    --- exit 1
    "#);
    let doctor = project.run(["doctor", "--project", "ro"]);
    assert!(doctor.stdout.contains("cannot be written, so .windlass cannot be made"), "{doctor}");
}

#[test]
fn what_cannot_be_looked_at_is_told_one_by_one_and_can_be_left_out() {
    let zone = |name: &str| {
        format!(
            "  {name}: {{ kind: dns.zone, path: {name}.zone, name: {name}.test, name_servers: [ns1] }}\n"
        )
    };
    let all = [zone("one"), zone("two"), zone("three")].concat();
    let note = "  note: { kind: file.text, path: note, content: x }\n";
    let project = TestProject::of(&format!("{all}{note}"));
    project.done(["apply", "-y"]);
    project.write("one.zone", "$TTL 1h\nbroken (");
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    --- stderr
    error: cannot look at one (dns.zone): one.zone:2: this parenthesis is not closed
        try: the file is kept as it is: mend line 2, or move it away
    --- exit 1
    "#);
    project.write("two.zone", "@ IN SOA nothing");
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    --- stderr
    error: cannot look at 2 resources
        | one (dns.zone): one.zone:2: this parenthesis is not closed
        | two (dns.zone): two.zone:1: `@` is relative, and no $ORIGIN stands before it
        try: `--exclude` plans without it, `--refresh=false` without looking
    --- exit 1
    "#);
    std::fs::remove_file(project.place("note")).unwrap();
    project.done(["apply", "-y", "--exclude", "one", "--exclude", "two"]);
    assert_eq!(project.read("note"), "x");
}

#[test]
fn an_old_secret_that_is_still_there_stays_covered() {
    let project = TestProject::of(
        "  look: { kind: data.command, command: cat conf }
  note: { kind: file.text, path: note, content: \"${secret.token}\" }
",
    );
    let project = project.file("conf", "canary-of-old").variable(SECRET, "canary-of-old");
    project.done(["apply", "-y"]);
    let project = project.variable(SECRET, "canary-of-new");
    for arguments in [&["plan", "--json"][..], &["apply", "-y"], &["state", "show", "shop", "look"]]
    {
        let answer = project.done(arguments.iter().copied());
        assert!(!answer.stdout.contains("canary"), "{}", answer.stdout);
    }
    project.write("conf", "now canary-of-old and more");
    project.done(["apply", "-y"]);
    let shown = project.done(["state", "show", "shop", "look"]).stdout;
    assert!(shown.contains("(holds a secret)") && !shown.contains("canary"), "{shown}");
}

/// Nobody serves with a certificate that no client takes.
#[test]
fn a_route_whose_certificate_has_expired_is_neither_planned_nor_applied() {
    let project = TestProject::of(
        "  site:
    kind: front.route
    listen: 127.0.0.1:1
    hosts: [a.test]
    to: 127.0.0.1:2
    tls: { certificate: a.pem, key: a.key }
",
    );
    project.write("a.pem", EXPIRED);
    insta::assert_snapshot!(project.run(["plan"]), @"
    shop  1 to create  N.NN s

      + front.route  site  hosts [a.test], listen 127.0.0.1:1, tls {certificate: a.pem, key: a.key}, to 127.0.0.1:2

      ! site: the certificate /project/a.pem ended on NNNN-NN-NNTNN:NN:NNZ (renew it;
        `cert.certificate` does so by itself)
    It cannot be applied.
    --- exit 4
    ");
    insta::assert_snapshot!(project.run(["apply", "-y"]).stderr, @"
    refused: this plan cannot be applied
        - site: the certificate /project/a.pem ended on NNNN-NN-NNTNN:NN:NNZ (renew it;
          `cert.certificate` does so by itself)
    ");
}

/// Of a.test, for January 2020.
const EXPIRED: &str = "\
-----BEGIN CERTIFICATE-----
MIIBHTCBwwIUFsimVBJbbbNMcGL/+lXCqjRtjoswCgYIKoZIzj0EAwIwETEPMA0G
A1UEAwwGYS50ZXN0MB4XDTIwMDEwMTAwMDAwMFoXDTIwMDIwMTAwMDAwMFowETEP
MA0GA1UEAwwGYS50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqqJnfwVe
hIJK8xpPfUnbJKCLR/n//wNRPqv8rpHH77Tu1Ae97Ed8PB/i6AIUUDO5lY6JJPcW
CPYy6dxr6yWqWTAKBggqhkjOPQQDAgNJADBGAiEAoL/wX/XHJW57gFH72A2xhLKK
YcXM0oiVj0dErIRzpz0CIQCgFXUlPcPZwSnQSqxtAoN1i9bFB9tiUbaofzzkTc8J
yw==
-----END CERTIFICATE-----
";

const SECRET: &str = "WINDLASS_SECRET_TOKEN";
