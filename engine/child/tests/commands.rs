//! Real commands, with everything that they start.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use child::{
    Background, Command, Ended, Exit, Stream, Trouble, find, living, run, run_apart, sweep,
};

fn shell(script: &str, token: &str) -> Command {
    Command {
        argv: ["/bin/sh", "-c", script].map(Into::into).to_vec(),
        environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        directory: std::env::temp_dir(),
        token: format!("{token}-{}", std::process::id()),
        timeout: None,
        grace: Duration::from_millis(200),
    }
}

async fn output_of(command: &Command) -> (Exit, String) {
    let mut text = Vec::new();
    let exit = run(command, &mut |chunk| text.extend(chunk)).await.expect("it starts");
    (exit, String::from_utf8(text).expect("text"))
}

#[tokio::test]
async fn both_streams_keep_their_order() {
    let command = shell("echo one; echo two >&2; echo three; exit 3", "order");
    assert_eq!(output_of(&command).await, (Exit::Code(3), "one\ntwo\nthree\n".to_owned()));
}

#[tokio::test]
async fn its_end_is_its_exit_and_what_it_left_behind_is_ended() {
    let command = shell("sleep 30 & echo started", "background");
    let begun = Instant::now();
    assert_eq!(output_of(&command).await, (Exit::Code(0), "started\n".to_owned()));
    assert!(begun.elapsed() < Duration::from_secs(5));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(find(&command.token), []);
}

#[tokio::test]
async fn who_does_not_end_in_time_is_made_to_with_all_descendants() {
    let script = "trap '' TERM; setsid sleep 30 & sh -c 'trap \"\" TERM; sleep 30' & sleep 30";
    let command = Command { timeout: Some(Duration::from_millis(200)), ..shell(script, "late") };
    assert_eq!(output_of(&command).await.0, Exit::TimedOut);
    assert_eq!(find(&command.token), []);
}

#[tokio::test]
async fn a_dropped_run_kills_its_command() {
    let command = shell("sleep 30", "dropped");
    let mut ignore = |_: &[u8]| {};
    let running = run(&command, &mut ignore);
    assert!(tokio::time::timeout(Duration::from_millis(200), running).await.is_err());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(find(&command.token), []);
}

#[tokio::test]
async fn a_dropped_run_kills_who_has_left_its_group() {
    let command = shell("setsid sleep 30 & sleep 30", "dropped-session");
    let mut ignore = |_: &[u8]| {};
    let running = run(&command, &mut ignore);
    assert!(tokio::time::timeout(Duration::from_millis(200), running).await.is_err());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(find(&command.token), []);
}

/// Runs a command with its streams apart.
async fn apart(command: &Command, background: Background) -> (Ended, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut hear = |stream, bytes: &[u8]| match stream {
        Stream::Out => out.extend(bytes),
        Stream::Err => err.extend(bytes),
    };
    let ended = run_apart(command, background, &mut hear).await.expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (ended, text(out), text(err))
}

#[tokio::test]
async fn streams_are_told_apart_and_who_has_left_the_group_is_ended_too() {
    let command = shell("echo one; echo two >&2; setsid sleep 30 & sleep 0.1; exit 3", "apart");
    let (ended, out, err) = apart(&command, Background::Ends).await;
    assert_eq!(ended, Ended { exit: Exit::Code(3), left: 1 });
    assert_eq!((out.as_str(), err.as_str()), ("one\n", "two\n"));
    assert_eq!(find(&command.token), []);
}

#[tokio::test]
async fn what_may_stay_stays() {
    let command = shell("sleep 30 & echo left", "stays");
    let (ended, out, _) = apart(&command, Background::Stays).await;
    assert_eq!(ended, Ended { exit: Exit::Code(0), left: 0 });
    assert_eq!((out.as_str(), find(&command.token).len()), ("left\n", 1));
    sweep(&command.token, Duration::ZERO).await.expect("ended");
}

#[tokio::test]
async fn streams_apart_do_not_outlast_their_time() {
    let script = "trap '' TERM; setsid sleep 30 & sleep 30";
    let timeout = Some(Duration::from_millis(200));
    let command = Command { timeout, ..shell(script, "late-apart") };
    let (ended, ..) = apart(&command, Background::Ends).await;
    assert_eq!(ended.exit, Exit::TimedOut);
    assert_eq!(find(&command.token), []);
    let command = Command { argv: vec!["/no/such/program".into()], ..shell("", "missing") };
    let trouble = run_apart(&command, Background::Ends, &mut |_, _| {}).await;
    assert!(matches!(trouble, Err(Trouble::Start(_))), "{trouble:?}");
}

#[tokio::test]
async fn a_sweep_ends_what_a_dead_engine_left() {
    let command = shell("", "left");
    let mut child = std::process::Command::new("/bin/sleep")
        .arg("30")
        .env(child::TOKEN, &command.token)
        .spawn()
        .expect("it starts");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(find(&command.token).len(), 1);
    // Reaped beside, as init would.
    let reaper = std::thread::spawn(move || child.wait());
    assert_eq!(sweep(&command.token, Duration::from_millis(100)).await.expect("ended"), 1);
    reaper.join().expect("no panic").expect("reaped");
    assert_eq!(find(&command.token), []);
}

#[test]
fn who_has_ended_and_was_not_reaped_does_not_live() {
    use std::os::unix::process::CommandExt;
    let mut child = std::process::Command::new("/bin/sh")
        .args(["-c", "read line"])
        .stdin(std::process::Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("it starts");
    let group = rustix::process::Pid::from_raw(child.id().cast_signed()).expect("a pid");
    assert_eq!(living(group), [group]);
    drop(child.stdin.take());
    let begun = Instant::now();
    while !living(group).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it has ended");
    }
    rustix::process::test_kill_process_group(group).expect("the zombie is still there");
    child.wait().expect("reaped");
    assert_eq!(living(group), []);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error() {
    let command = Command { argv: vec!["/no/such/program".into()], ..shell("", "missing") };
    let error = run(&command, &mut |_| {}).await.expect_err("it cannot start");
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

/// Feeds `cat` and returns how both ended, and what came through.
async fn fed(source: &str, token: &str) -> (child::Fed, String) {
    let (from, to) = (shell(source, &format!("{token}-from")), shell("cat; echo .", token));
    let mut text = Vec::new();
    let mut hear = |voice, bytes: &[u8]| match voice {
        child::Voice::Sink => text.extend(bytes),
        child::Voice::Source | child::Voice::SinkErr => {}
    };
    let fed = child::run_fed(&from, &to, &mut || Ok(()), &mut hear).await.expect("they start");
    assert_eq!((find(&from.token), find(&to.token)), (vec![], vec![]));
    (fed, String::from_utf8(text).expect("text"))
}

#[tokio::test]
async fn what_is_fed_sees_the_end_of_a_source_that_ended_well() {
    let ended = child::Fed { source: Some(Exit::Code(0)), sink: Some(Exit::Code(0)) };
    assert_eq!(fed("echo one; echo two", "fed").await, (ended, "one\ntwo\n.\n".to_owned()));
    let left = "(sleep 30; echo late) & setsid sleep 30 & echo one";
    assert_eq!(fed(left, "fed-left").await, (ended, "one\n.\n".to_owned()));
}

#[tokio::test]
async fn what_is_fed_never_sees_the_end_of_a_source_that_failed() {
    for (at, (source, exit)) in
        [("echo one; exit 3", Exit::Code(3)), ("echo one; kill -9 $$", Exit::Signal(9))]
            .into_iter()
            .enumerate()
    {
        let (ended, text) = fed(source, &format!("fed-failed-{at}")).await;
        assert_eq!(ended, child::Fed { source: Some(exit), sink: None });
        assert!(!text.contains('.'), "{text}");
    }
}

#[tokio::test]
async fn a_source_whose_reader_is_gone_is_ended() {
    let (from, to) = (shell("while :; do echo x; done", "gone-from"), shell("exit 4", "gone"));
    let fed = child::run_fed(&from, &to, &mut || Ok(()), &mut |_, _| {}).await.expect("they start");
    assert_eq!(fed.sink, Some(Exit::Code(4)));
    assert_eq!(find(&from.token), []);
}

#[tokio::test]
async fn a_source_that_cannot_be_started_starts_nothing() {
    let missing = Command { argv: vec!["/nonexistent".into()], ..shell("", "none-from") };
    let to = shell("sleep 30", "none");
    let fed = child::run_fed(&missing, &to, &mut || Ok(()), &mut |_, _| {}).await;
    assert!(matches!(fed, Err(child::FedTrouble::Source(Trouble::Start(_)))), "{fed:?}");
    assert_eq!(find(&to.token), []);
}

#[tokio::test]
async fn what_is_fed_and_hangs_is_ended_in_time() {
    let from = shell("echo one", "late-from");
    let to =
        Command { timeout: Some(Duration::from_millis(200)), ..shell("cat; sleep 60", "late") };
    let fed = child::run_fed(&from, &to, &mut || Ok(()), &mut |_, _| {}).await.expect("they start");
    assert_eq!(fed, child::Fed { source: Some(Exit::Code(0)), sink: Some(Exit::TimedOut) });
    assert_eq!(find(&to.token), []);
}
