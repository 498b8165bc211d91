//! `command.run` and `data.command`, with real processes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use model::fault::Nature;
use model::{Change, Found, Value};

use crate::lab::{Lab, alone, become_nobody};
use crate::life::{Life, is_made_once};

/// Waits until something is so; not for ever.
async fn until(what: &str, is: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_command_makes_changes_and_destroys() {
    let lab = Lab::new();
    let life = Life::of(&lab, "command.run");
    let keys = |version: u8| {
        format!(
            "{{create: 'echo create >>log', update: 'echo update >>log; echo made {version}', \
             destroy: 'echo destroy >>log', triggers: {{version: {version}}}}}"
        )
    };
    life.runs(&keys(1), &keys(2)).await;
    assert_eq!(lab.text("log"), "create\nupdate\ndestroy\ndestroy\n");
    assert_eq!(lab.names(".windlass/commands"), Vec::<String>::new());
}

#[tokio::test]
async fn its_output_is_kept_and_its_lines_are_shown() {
    let lab = Lab::new();
    let life = Life::of(&lab, "command.run");
    let keys = "create: 'echo one; echo two >&2; echo three'";
    let made = life.create(keys).await.unwrap();
    assert_eq!(made.text("output"), "one\nthree");
    let mut lines = lab.said.lines();
    assert_eq!(lines.remove(0), "(create: echo one; echo two >&2; echo three)");
    lines.sort();
    assert_eq!(lines, ["one", "three", "two"]);
    life.is_as_applied(keys, &made).await;
}

#[tokio::test]
async fn another_text_of_a_secret_is_another_wish_and_no_change_from_outside() {
    let lab = Lab::new();
    let life = Life::of(&lab, "command.run");
    let keys =
        "{create: 'true', environment: {TOKEN: '${secret.api}'}, triggers: {db: '${secret.db}'}}";
    let made = life.create(keys).await.unwrap();
    lab.vault.set("api", "another-canary-5512");
    lab.vault.set("db", "another-canary-5513");
    let read = life.read(keys, &made).await.unwrap().unwrap();
    assert_eq!(read, made, "nobody has touched it");
    assert_eq!(life.differing(keys, &read), ["triggers", "environment"]);
    let changed = life.update(keys, &read).await.unwrap();
    life.is_as_applied(keys, &changed).await;
    life.shows_no_secret(&lab.text(&format!(".windlass/commands/{}.json", made.id)));
}

#[test]
fn a_command_that_is_empty_is_refused_where_it_stands() {
    let lab = Lab::new();
    let places = [
        ("command.run", "create"),
        ("command.run", "create: x, check"),
        ("data.command", "command"),
    ];
    for (kind, key) in places {
        let life = Life::of(&lab, kind);
        for empty in ["''", "' '", "[]", "['', x]"] {
            let tree = lab.tree(&format!("{{{key}: {empty}}}"));
            let why = (life.kind.fits)(&tree).unwrap_err();
            assert!(why.contains("a command is missing"), "{kind} {key}: {empty}: {why}");
        }
    }
}

#[tokio::test]
async fn a_list_is_run_without_a_shell() {
    let lab = Lab::new();
    let made = Life::of(&lab, "command.run").create("create: [printf, '%s|', $HOME, '*']").await;
    assert_eq!(made.unwrap().text("output"), "$HOME|*|");
}

#[tokio::test]
async fn a_shell_stops_at_the_first_line_that_fails() {
    let lab = Lab::new();
    let life = Life::of(&lab, "command.run");
    let fault = life.create("create: \"false\\ntouch after\"").await.unwrap_err();
    assert!(fault.message.starts_with("create ended with exit code 1 after 0."), "{fault:?}");
    assert!(!lab.place("after").exists());
}

#[tokio::test]
async fn a_failure_shows_the_command_the_code_and_the_last_twenty_lines() {
    let lab = Lab::new();
    let life = Life::of(&lab, "command.run");
    let keys = "create: 'seq 1 30; echo it is broken >&2; exit 3'";
    let fault = life.create(keys).await.unwrap_err();
    assert_eq!(fault.nature, Nature::Refused);
    assert!(fault.message.starts_with("create ended with exit code 3 after "), "{fault:?}");
    assert!(fault.message.ends_with("(`seq 1 30; echo it is broken >&2; exit 3`)"), "{fault:?}");
    assert_eq!(fault.details.len(), 20);
    assert!(fault.details.contains(&"it is broken".to_owned()), "{fault:?}");
    let tree = lab.tree(keys);
    assert_eq!(life.find(Change::Create(&tree), &lab.token()).await, Found::Unknown);
}

#[tokio::test]
async fn a_signal_is_named() {
    let lab = Lab::new();
    let fault = Life::of(&lab, "command.run").create("create: 'kill -9 $$'").await.unwrap_err();
    assert!(fault.message.starts_with("create ended with killed (signal 9)"), "{fault:?}");
}

#[tokio::test]
async fn a_program_that_is_not_there_says_so() {
    let lab = Lab::with(BTreeMap::from([("PATH".to_owned(), "/bin:/usr/bin".to_owned())]));
    let life = Life::of(&lab, "command.run");
    let fault = life.create("create: [no-such-program, x]").await.unwrap_err();
    assert_eq!(fault.message, "create cannot run: there is no program `no-such-program`");
    let help = "install it, or write its whole path; PATH is /bin:/usr/bin";
    assert_eq!(fault.help.as_deref(), Some(help));
    let fault = life.create("create: no-such-program x").await.unwrap_err();
    assert!(fault.message.starts_with("create ended with exit code 127"), "{fault:?}");
    assert!(fault.help.unwrap().ends_with("PATH is /bin:/usr/bin"));
    lab.write("script", "#!/bin/sh\n");
    let fault = life.create("create: [./script]").await.unwrap_err();
    assert_eq!(fault.message, "create cannot run: `./script` may not be executed");
}

#[tokio::test]
async fn a_folder_that_is_not_there_says_so() {
    let lab = Lab::new();
    let fault = Life::of(&lab, "command.run").create("{create: pwd, directory: no/where}").await;
    let message =
        format!("create cannot run: there is no folder {}", lab.place("no/where").display());
    assert_eq!(fault.unwrap_err().message, message);
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_ended_with_all_that_it_started() {
    let lab = Lab::new();
    let life = Life::of(&lab, "command.run");
    let token = lab.token();
    // One that ignores TERM, and one that has left its group.
    let keys =
        "{create: \"trap '' TERM; setsid sleep 600 & sleep 601\", time_limit: 300ms, grace: 100ms}";
    let begun = Instant::now();
    let fault = life.create_as(keys, &token).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(8));
    assert_eq!(fault.nature, Nature::Passing);
    assert!(fault.message.starts_with("create did not end within 0.3 s (`trap"), "{fault:?}");
    assert!(fault.help.unwrap().starts_with("give it more with `time_limit`"));
    assert_eq!(child::find(token.as_str()), [], "nobody is left");
}

#[tokio::test]
async fn what_a_command_leaves_running_is_ended_unless_it_may_stay() {
    let lab = Lab::new();
    let life = Life::of(&lab, "command.run");
    let token = lab.token();
    life.create_as("create: 'sleep 600 & echo left'", &token).await.unwrap();
    assert_eq!(child::find(token.as_str()), []);
    assert!(
        lab.said
            .lines()
            .iter()
            .any(|line| line.contains("(create left a process running; that has been ended)"))
    );
    let token = lab.token();
    life.create_as("{create: 'sleep 600 & echo left', leave_running: true}", &token).await.unwrap();
    assert_eq!(child::find(token.as_str()).len(), 1);
    child::sweep(token.as_str(), Duration::ZERO).await.unwrap();
}

/// As in a container whose first process reaps nobody.
#[tokio::test]
async fn who_was_ended_and_is_not_reaped_holds_nobody_up() {
    use rustix::process::{Pid, WaitOptions, getpid, set_child_subreaper, waitpid};
    let lab = Lab::new();
    set_child_subreaper(Some(getpid())).unwrap();
    let life = Life::of(&lab, "command.run");
    let made = life.create("{create: 'sleep 600 & echo $!', time_limit: 5s}");
    let made = tokio::time::timeout(Duration::from_secs(10), made).await;
    set_child_subreaper(None).unwrap();
    let pid: i32 = made.expect("it ends").unwrap().text("output").parse().unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    assert!(stat.contains(") Z "), "nobody has reaped it: {stat}");
    waitpid(Pid::from_raw(pid), WaitOptions::NOHANG).unwrap();
}

#[test]
fn who_cannot_be_ended_is_named_and_not_waited_for() {
    use rustix::process::{Pid, Signal, kill_process};
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::new();
    std::fs::copy("/usr/bin/setpriv", lab.place("rooted")).unwrap();
    let mode = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(lab.place("rooted"), mode(0o4755)).unwrap();
    std::fs::set_permissions(lab.place("."), mode(0o777)).unwrap();
    let keys = "create: './rooted --reuid=0 --regid=0 --clear-groups sleep 600 & echo $! >pid; \
        until grep -q ^Uid:.0 /proc/$!/status; do sleep 0.01; done'";
    let begun = Instant::now();
    let life = Life::of(&lab, "command.run");
    let fault = alone(become_nobody, async || life.create(keys).await).unwrap_err();
    let pid = lab.text("pid").trim().to_owned();
    kill_process(Pid::from_raw(pid.parse().unwrap()).unwrap(), Signal::KILL).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(9));
    let message = format!("create left something running that cannot be ended: process {pid}");
    assert_eq!(fault.message, message);
    assert!(fault.help.unwrap().ends_with(&format!("see `ps -fp {pid}`")));
}

#[tokio::test]
async fn a_command_that_is_given_up_is_killed_with_all_that_it_started() {
    let lab = Lab::new();
    let life = Life::of(&lab, "command.run");
    let token = lab.token();
    let keys = "create: 'setsid sleep 600 & sleep 601'";
    let given_up = tokio::time::timeout(Duration::from_millis(300), life.create_as(keys, &token));
    assert!(given_up.await.is_err());
    until("its end", || child::find(token.as_str()).is_empty()).await;
}

#[tokio::test]
async fn a_command_is_run_once_under_one_token() {
    let lab = Lab::new();
    let life = Life::of(&lab, "command.run");
    let made = is_made_once(&life, "create: 'echo x >>log; wc -l <log'").await;
    assert_eq!(made.text("output").trim(), "1");
    assert_eq!(lab.text("log"), "x\n");
}

#[tokio::test]
async fn what_a_dead_engine_left_is_ended_and_cleared_away_when_it_is_looked_for() {
    let lab = Lab::new();
    let life = Life::of(&lab, "command.run");
    let (keys, token) = ("create: sleep 600", lab.token());
    let mut orphan = std::process::Command::new("/bin/sh")
        .args(["-c", "sleep 600 & sleep 600"])
        .env(child::TOKEN, token.as_str())
        .spawn()
        .unwrap();
    until("its start", || child::find(token.as_str()).len() >= 2).await;
    let tree = lab.tree(keys);
    let draft = format!(".windlass/commands/.{}.json.new", token.as_str());
    lab.write(&draft, "{\"tok");
    assert_eq!(life.find(Change::Create(&tree), &token).await, Found::Unknown);
    orphan.wait().unwrap();
    assert_eq!(child::find(token.as_str()), []);
    assert!(!lab.place(&draft).exists(), "a note that was being written");
}

#[tokio::test]
async fn an_update_and_a_deletion_in_doubt_are_told_by_the_note() {
    let lab = Lab::new();
    let life = Life::of(&lab, "command.run");
    let keys = "{create: 'true', destroy: 'true'}";
    let made = life.create(keys).await.unwrap();
    let (tree, token) = (lab.tree(keys), lab.token());
    assert_eq!(life.find(Change::Update(&tree, &made), &token).await, Found::Unknown);
    let updated = life.apply(Change::Update(&tree, &made), &token).await.unwrap();
    assert_eq!(life.find(Change::Update(&tree, &made), &token).await, Found::Done(updated));
    let token = lab.token();
    assert_eq!(life.find(Change::Delete(Some(&tree), &made), &token).await, Found::Unknown);
    life.apply(Change::Delete(Some(&tree), &made), &token).await.unwrap();
    assert_eq!(life.find(Change::Delete(Some(&tree), &made), &token).await, Found::Done(None));
}

#[tokio::test]
async fn a_check_that_is_content_makes_create_needless() {
    let lab = Lab::new();
    let life = Life::of(&lab, "command.run");
    lab.write("made", "");
    let keys = "{create: 'touch made; echo x >>log', check: test -f made}";
    let made = life.create(keys).await.unwrap();
    assert!(!lab.place("log").exists());
    life.is_as_applied(keys, &made).await;
    std::fs::remove_file(lab.place("made")).unwrap();
    let read = life.read(keys, &made).await.unwrap().unwrap();
    assert_eq!(life.differing(keys, &read), ["check"]);
    let mended = life.update(keys, &read).await.unwrap();
    assert_eq!(lab.text("log"), "x\n");
    life.is_as_applied(keys, &mended).await;
}

#[tokio::test]
async fn a_command_that_does_not_do_what_the_check_asks_for_has_failed() {
    let lab = Lab::new();
    let life = Life::of(&lab, "command.run");
    let fault = life.create("{create: 'true', check: 'echo missing; exit 4'}").await.unwrap_err();
    assert_eq!(fault.message, "create ended well, and check still ends with exit code 4");
    assert_eq!(fault.details, ["missing"]);
}

#[tokio::test]
async fn a_secret_reaches_the_command_and_nothing_else() {
    let lab = Lab::new();
    let life = Life::of(&lab, "command.run");
    let keys = "{create: 'printf %s \"$KEY\" >kept; echo \"it is $KEY\"; echo \"$KEY\" >&2', \
        environment: {KEY: '${secret.api}'}}";
    let made = life.create(keys).await.unwrap();
    assert_eq!(lab.text("kept"), "canary-of-api-7431");
    assert_eq!(made.text("output"), "it is (secret api)");
    life.shows_no_secret(&format!("{made:?} {:?}", lab.said.lines()));
    for file in lab.names(".windlass/commands") {
        life.shows_no_secret(&lab.text(&format!(".windlass/commands/{file}")));
    }
    life.is_as_applied(keys, &made).await;
    let failing = keys.replace("echo \"$KEY\" >&2", "echo \"$KEY\" >&2; exit 1");
    life.shows_no_secret(&format!("{:?}", life.create(&failing).await.unwrap_err()));
}

#[tokio::test]
async fn sensitive_output_is_a_handle() {
    let lab = Lab::new();
    let life = Life::of(&lab, "command.run");
    lab.write("token", "made-by-a-command\n");
    let keys = "{create: cat token, sensitive: true}";
    let made = life.create(keys).await.unwrap();
    assert!(matches!(made.get("output"), Value::Parts(_)), "{made:?}");
    life.is_as_applied(keys, &made).await;
    assert!(!format!("{:?}", lab.said.lines()).contains("made-by-a-command\""));
    let file = lab.names(".windlass/commands").remove(0);
    assert!(!lab.text(&format!(".windlass/commands/{file}")).contains("made-by-a-command"));
    life.ends(keys, &made).await;
    assert_eq!(lab.vault.names(), ["api", "db"]);
    let fault = life.create("{create: 'cat token; exit 1', sensitive: true}").await.unwrap_err();
    assert!(!format!("{:?}", fault.details).contains("made-by-a"));
}

#[tokio::test]
async fn output_that_is_too_short_for_a_secret_is_refused_and_an_empty_one_is_none() {
    let lab = Lab::new();
    for (kind, keys) in [
        ("command.run", "{create: cat token, sensitive: true}"),
        ("data.command", "{command: cat token, sensitive: true}"),
    ] {
        let life = Life::of(&lab, kind);
        for (text, bytes) in [("x", "1 byte"), ("12345\n", "5 bytes")] {
            lab.write("token", text);
            let fault = life.create(keys).await.unwrap_err();
            let message = format!("what it said has {bytes}, too short for a secret");
            assert!(fault.message.starts_with(&message), "{fault:?}");
            assert!(fault.help.unwrap().starts_with("let it say 6 bytes or more"));
            assert_eq!(lab.vault.names(), ["api", "db"], "nothing is kept");
        }
        lab.write("token", "123456");
        let long = life.create(keys).await.unwrap();
        life.is_as_applied(keys, &long).await;
        lab.write("token", "");
        let read = life.read(keys, &long).await.unwrap().unwrap();
        assert_eq!(life.differing(keys, &read).is_empty(), kind == "command.run");
        let none = life.update(keys, &read).await.unwrap();
        assert_eq!(none.get("output"), &Value::Null);
        life.is_as_applied(keys, &none).await;
        assert_eq!(lab.vault.names(), ["api", "db"], "the one before is forgotten");
    }
}

#[tokio::test]
async fn a_deletion_in_doubt_is_done_again_where_what_is_kept_cannot_be_seen() {
    let lab = Lab::new();
    for (kind, name) in [("data.command", "said-a"), ("data.http", "answer-a")] {
        let life = Life::of(&lab, kind);
        let (object, token) = (model::Object::new("a", []), lab.token());
        lab.vault.set(name, "short");
        assert_eq!(life.find(Change::Delete(None, &object), &token).await, Found::Nothing);
        life.apply(Change::Delete(None, &object), &token).await.unwrap();
        assert_eq!(lab.vault.names(), ["api", "db"]);
    }
}

#[tokio::test]
async fn a_command_that_only_looks_is_asked_again() {
    let lab = Lab::new();
    let life = Life::of(&lab, "data.command");
    lab.write("version", "1.0\n");
    let keys = "command: cat version";
    let made = life.create(keys).await.unwrap();
    assert_eq!((made.text("output"), made.text("exit_code")), ("1.0", "0"));
    life.is_as_applied(keys, &made).await;
    lab.write("version", "1.1\n");
    let read = life.read(keys, &made).await.unwrap().unwrap();
    assert_eq!(read.text("output"), "1.1");
    assert_eq!(life.differing(keys, &read), Vec::<&str>::new());
    life.runs(keys, "{command: cat version, trim: false}").await;
}

#[tokio::test]
async fn an_answer_that_is_none_is_refused() {
    let lab = Lab::new();
    let life = Life::of(&lab, "data.command");
    let refused = [
        ("command: 'echo why; exit 2'", "the command ended with exit code 2 after "),
        (
            "{command: 'yes | head -c 2000', max_size: 1KiB}",
            "`yes | head -c 2000` wrote more than 1KiB",
        ),
        ("command: \"printf '\\\\377'\"", "`printf '\\377'` wrote what is no text (UTF-8)"),
        ("{command: 'sleep 600', time_limit: 200ms}", "the command did not end within 0.2 s"),
        ("command: [no-such-program]", "the command cannot run: there is no program"),
        (
            "{command: 'echo $KEY | base64', environment: {KEY: '${secret.api}'}}",
            "`echo $KEY | base64` shows the secret `api`",
        ),
    ];
    for (keys, why) in refused {
        let fault = life.create(keys).await.unwrap_err();
        assert!(fault.message.starts_with(why), "{keys}: {fault:?}");
        life.shows_no_secret(&format!("{fault:?}"));
    }
    let made = life.create("{command: 'exit 2', exit_codes: [0, 2]}").await.unwrap();
    assert_eq!(made.text("exit_code"), "2");
}

#[tokio::test]
async fn a_secret_answer_that_changed_shows_as_a_change_and_not_what_it_is() {
    let lab = Lab::new();
    let life = Life::of(&lab, "data.command");
    lab.write("token", "first-token-1234\n");
    let keys = "{command: cat token, sensitive: true}";
    let made = life.create(keys).await.unwrap();
    life.is_as_applied(keys, &made).await;
    lab.write("token", "second-token-1234\n");
    let read = life.read(keys, &made).await.unwrap().unwrap();
    assert_eq!(life.differing(keys, &read), ["output"]);
    assert!(lab.vault.texts().contains(&"first-token-1234".to_owned()), "a plan only looks");
    assert!(!format!("{read:?}").contains("second-token"));
    let changed = life.update(keys, &read).await.unwrap();
    life.is_as_applied(keys, &changed).await;
    assert!(lab.vault.texts().contains(&"second-token-1234".to_owned()));
    life.ends(keys, &changed).await;
    assert_eq!(lab.vault.names(), ["api", "db"]);
}

#[tokio::test]
async fn many_that_look_are_asked_at_once_and_answer_in_order() {
    let lab = Lab::new();
    let kind = crate::lab::kind("data.command");
    let known = (0..20).map(|number| model::Known {
        id: format!("{number}"),
        sealed: false,
        spec: Some(lab.tree(&format!("command: 'sleep 0.1; echo {number}'"))),
    });
    let begun = Instant::now();
    let found = kind.effects.read(&lab.context, &known.collect::<Vec<_>>()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(1900), "{:?}", begun.elapsed());
    let said: Vec<String> = found
        .iter()
        .map(|found| found.as_ref().unwrap().as_ref().unwrap().text("output").to_owned())
        .collect();
    assert_eq!(said, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
}
