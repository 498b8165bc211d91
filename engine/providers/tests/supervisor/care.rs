//! Keeping services running: after a crash, after the supervisor's own death, and not for ever.

use std::fs;
use std::time::{Duration, Instant};

use providers::process::supervisor::{Exit, RestartWhen, State, look};

use crate::place::{Place, alive, eventually, kill, pid, seen, status, wait};
use crate::suite::tests;

tests![
    a_crash_is_followed_by_a_start_and_a_longer_pause_each_time,
    one_that_ran_steadily_starts_again_with_the_shortest_pause,
    one_that_ended_well_or_must_not_is_not_started_again,
    what_a_crash_leaves_behind_is_ended_before_the_next_start,
    a_service_outlives_its_supervisor_and_is_kept_by_the_next,
    one_that_ended_while_nobody_watched_is_started_again,
    one_that_was_stopped_stays_so_with_the_next_supervisor,
    ends_itself_when_nothing_is_left_and_leaves_nothing,
    a_plan_sees_what_runs_without_starting_a_supervisor,
    one_whose_folder_is_deleted_ends_its_services_and_leaves,
    one_whose_folder_has_another_supervisor_leaves_that_one_alone,
    orphans_leave_no_zombies,
    an_idle_supervisor_is_small_and_quiet,
];

fn a_crash_is_followed_by_a_start_and_a_longer_pause_each_time() {
    wait(async {
        let place = Place::new();
        let (client, times) = (place.client().await, place.path().join("times"));
        let script = format!("date +%s%N >> {}; echo no database; exit 7", times.display());
        let mut spec = place.shell("web", &script);
        spec.rules.restart.pause = Duration::from_millis(50);
        client.ensure(&spec, "t").await.expect("a service");
        let status = seen(&client, "web", |s| s.starts >= 5).await;
        assert_eq!((status.state, status.last_exit), (State::Crashing, Some(Exit::Code(7))));
        let status = seen(&client, "web", |s| s.next_start.is_some()).await;
        assert_eq!(status.tail.last().map(String::as_str), Some("no database"));
        assert_eq!(status.restarts, status.starts - 1);
        let times = fs::read_to_string(times).expect("times");
        let times: Vec<u64> = times.lines().map(|line| line.parse().expect("a time")).collect();
        let pauses: Vec<u64> = times.windows(2).map(|two| (two[1] - two[0]) / 1_000_000).collect();
        let least = [50, 100, 200, 400];
        assert!(pauses.iter().zip(least).all(|(pause, least)| *pause >= least), "{pauses:?}");
        assert!(pauses.iter().zip(least).all(|(pause, least)| *pause < least + 400), "{pauses:?}");
    });
}

fn one_that_ran_steadily_starts_again_with_the_shortest_pause() {
    wait(async {
        let place = Place::new();
        let (client, flag) = (place.client().await, place.path().join("steady"));
        let script = format!("test -e {} && exec sleep 1000; exit 1", flag.display());
        let mut spec = place.shell("web", &script);
        spec.rules.restart.steady = Duration::from_millis(300);
        client.ensure(&spec, "t").await.expect("a service");
        seen(&client, "web", |s| s.state == State::Crashing).await;
        fs::write(&flag, "").expect("a file");
        let steady = seen(&client, "web", |s| s.state == State::Running).await;
        kill(steady.pid.expect("a process"));
        let killed = Instant::now();
        let again = seen(&client, "web", |s| s.starts > steady.starts && s.pid.is_some()).await;
        assert!(killed.elapsed() < Duration::from_millis(400), "{:?}", killed.elapsed());
        assert_eq!(again.last_exit, Some(Exit::Signal(9)));
        assert_eq!(again.state, State::Running);
    });
}

fn one_that_ended_well_or_must_not_is_not_started_again() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        let well = place.shell("well", "exit 0");
        let mut never = place.shell("never", "exit 3");
        never.rules.restart.when = RestartWhen::Never;
        let mut always = place.shell("always", "exit 0");
        always.rules.restart.when = RestartWhen::Always;
        for spec in [&well, &never, &always] {
            client.ensure(spec, "t").await.expect("a service");
        }
        let ended = seen(&client, "well", |s| s.state == State::Stopped).await;
        assert_eq!((ended.last_exit, ended.starts), (Some(Exit::Code(0)), 1));
        let ended = seen(&client, "never", |s| s.state == State::Stopped).await;
        assert_eq!((ended.last_exit, ended.starts), (Some(Exit::Code(3)), 1));
        seen(&client, "always", |s| s.starts >= 3).await;
        // Asked for again, it is started again.
        client.ensure(&never, "t").await.expect("a service");
        seen(&client, "never", |s| s.starts == 2 && s.state == State::Stopped).await;
    });
}

fn what_a_crash_leaves_behind_is_ended_before_the_next_start() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        let spec = place.shell("web", "sleep 1000 & sleep 0.1; exit 1");
        client.ensure(&spec, "t").await.expect("a service");
        seen(&client, "web", |s| s.starts >= 3).await;
        let most = (0..20).map(|_| place.processes().len()).max();
        assert!(most <= Some(3), "{most:?} processes: worker, shell and sleep at most");
    });
}

fn a_service_outlives_its_supervisor_and_is_kept_by_the_next() {
    wait(async {
        let place = Place::new();
        let (client, spec) = (place.client().await, place.shell("web", "exec sleep 1000"));
        let first = client.ensure(&spec, "t").await.expect("a service").pid.expect("a process");
        place.kill_supervisor();
        assert!(alive(first));
        let adopted = status(&client, "web").await;
        assert_eq!((adopted.pid, adopted.starts), (Some(first), 1));
        assert!(place.diary().contains(&format!("adopts web, pid {first}")));
        // Not its child, and seen to end all the same.
        kill(first);
        let again = seen(&client, "web", |s| s.starts == 2 && s.pid.is_some()).await;
        assert_eq!(again.last_exit, Some(Exit::Unseen));
        place.kill_supervisor();
        let stopped = client.stop("web").await.expect("stopped");
        assert_eq!(stopped.state, State::Stopped);
        assert_eq!(place.processes(), [0; 0]);
    });
}

fn one_that_ended_while_nobody_watched_is_started_again() {
    wait(async {
        let place = Place::new();
        let (client, spec) = (place.client().await, place.shell("web", "exec sleep 1000"));
        let first = client.ensure(&spec, "t").await.expect("a service").pid.expect("a process");
        place.kill_supervisor();
        kill(first);
        eventually("it is gone", || !alive(first));
        let again = seen(&client, "web", |s| s.pid.is_some()).await;
        assert_eq!((again.starts, again.last_exit), (2, Some(Exit::Unseen)));
    });
}

fn one_that_was_stopped_stays_so_with_the_next_supervisor() {
    wait(async {
        let place = Place::new();
        let (client, spec) = (place.client().await, place.shell("web", "exec sleep 1000"));
        client.ensure(&spec, "t").await.expect("a service");
        client.ensure(&place.shell("other", "exec sleep 1000"), "u").await.expect("a service");
        client.stop("web").await.expect("stopped");
        place.kill_supervisor();
        assert_eq!(status(&client, "web").await.state, State::Stopped);
        assert_eq!(place.processes(), [pid(&client, "other").await]);
        let again = client.ensure(&spec, "t").await.expect("a service");
        assert_eq!((again.state, again.starts), (State::Running, 2));
    });
}

fn ends_itself_when_nothing_is_left_and_leaves_nothing() {
    wait(async {
        let place = Place::new();
        let (client, spec) = (place.client().await, place.shell("web", "exec sleep 1000"));
        client.ensure(&spec, "t").await.expect("a service");
        client.remove("web", true).await.expect("removed");
        client.remove("web", true).await.expect("removing what is gone is no error");
        assert_eq!(place.processes(), [0; 0]);
        assert!(!spec.rules.log.file.exists());
        eventually("the supervisor ended", || place.supervisors().is_empty());
        let left = fs::read_dir(&place.home).expect("a folder").flatten();
        let mut left: Vec<_> = left.map(|e| e.file_name().display().to_string()).collect();
        left.sort();
        assert_eq!(left, ["lock", "supervisor.log"]);
        // And comes back when it is asked.
        client.ensure(&spec, "t").await.expect("a service");
        client.shutdown().await.expect("an end");
        assert_eq!(place.processes(), [0; 0]);
        eventually("the supervisor ended", || place.supervisors().is_empty());
    });
}

fn a_plan_sees_what_runs_without_starting_a_supervisor() {
    wait(async {
        let place = Place::new();
        let names = ["web", "none"].map(String::from);
        assert_eq!(look(&place.home, &names).await.expect("statuses"), [None, None]);
        let (client, spec) = (place.client().await, place.shell("web", "exec sleep 1000"));
        let first = client.ensure(&spec, "t").await.expect("a service").pid.expect("a process");
        place.kill_supervisor();
        let mut seen = look(&place.home, &names).await.expect("statuses");
        assert_eq!(seen.pop().flatten(), None);
        let seen = seen.pop().flatten().expect("a service");
        assert_eq!((seen.state, seen.pid, seen.supervised), (State::Running, Some(first), false));
        assert!(seen.problem.is_some_and(|p| p.contains("windlass apply")));
        kill(first);
        eventually("it is gone", || !alive(first));
        let seen = look(&place.home, &names).await.expect("statuses").remove(0).expect("a service");
        assert_eq!((seen.state, seen.pid), (State::Stopped, None));
        assert_eq!(place.supervisors(), [0; 0]);
    });
}

fn one_whose_folder_is_deleted_ends_its_services_and_leaves() {
    wait(async {
        let place = Place::new();
        let (client, up) = (place.client().await, place.path().join("up"));
        let ended = place.path().join("ended");
        // It is asked, and may take its time.
        let script = format!(
            "trap 'sleep 0.3; touch {}; exit 0' TERM; touch {}; while :; do sleep 0.01; done",
            ended.display(),
            up.display()
        );
        client.ensure(&place.shell("web", &script), "t").await.expect("a service");
        client.ensure(&place.shell("crash", "exit 1"), "t").await.expect("a service");
        eventually("it is up", || up.exists());
        fs::remove_dir_all(&place.home).expect("it goes");
        eventually("the supervisor ended", || place.supervisors().is_empty());
        assert_eq!(place.processes(), [0; 0]);
        assert!(ended.exists(), "it was not asked to end, or not waited for");
        assert!(!place.home.exists(), "it made its folder again");
    });
}

fn one_whose_folder_has_another_supervisor_leaves_that_one_alone() {
    for whole in [true, false] {
        wait(async {
            let place = Place::new();
            let (client, spec) = (place.client().await, place.shell("web", "exec sleep 1000"));
            let first = client.ensure(&spec, "t").await.expect("a service").pid.expect("a process");
            let old = place.supervisors()[0];
            if whole {
                fs::remove_dir_all(&place.home).expect("it goes");
            } else {
                let all = fs::read_dir(&place.home).expect("a folder").flatten();
                all.for_each(|entry| fs::remove_file(entry.path()).expect("it goes"));
            }
            let second = client.ensure(&spec, "u").await.expect("a service").pid;
            assert_ne!(second, Some(first));
            let record = place.home.join("web.json");
            let written = fs::read(&record).expect("a record");
            // The old one would start it again, and say so.
            kill(first);
            eventually("the old one has left", || !alive(old));
            assert_eq!(fs::read(&record).expect("a record"), written);
            assert_eq!(place.processes(), [second.expect("a process")]);
            assert!(!place.diary().contains(&format!("[{old}]")), "{}", place.diary());
            assert_eq!((status(&client, "web").await.pid, place.supervisors().len()), (second, 1));
        });
    }
}

fn orphans_leave_no_zombies() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        let script = "while :; do (sleep 0.01 &) ; sleep 0.02; done";
        client.ensure(&place.shell("web", script), "t").await.expect("a service");
        tokio::time::sleep(Duration::from_secs(1)).await;
        let supervisor = place.supervisors()[0];
        let zombies = || {
            let list = format!("/proc/{supervisor}/task/{supervisor}/children");
            let list = fs::read_to_string(list).expect("children");
            list.split_whitespace().filter(|pid| !alive(pid.parse().expect("a pid"))).count()
        };
        let most = (0..100).map(|_| {
            std::thread::sleep(Duration::from_millis(5));
            zombies()
        });
        assert!(most.max() <= Some(3));
    });
}

fn an_idle_supervisor_is_small_and_quiet() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        for name in ["a", "b", "c"] {
            let spec = place.shell(name, "exec sleep 1000");
            client.ensure(&spec, name).await.expect("a service");
        }
        let supervisor = place.supervisors()[0];
        let used = || {
            let stat = fs::read_to_string(format!("/proc/{supervisor}/stat")).expect("a stat");
            let fields: Vec<u64> = stat
                .rsplit_once(')')
                .expect("a name")
                .1
                .split_whitespace()
                .skip(11)
                .take(2)
                .map(|field| field.parse().expect("ticks"))
                .collect();
            fields[0] + fields[1]
        };
        let before = used();
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(used() - before <= 3, "{} ticks of CPU in 3 s", used() - before);
        let status = fs::read_to_string(format!("/proc/{supervisor}/status")).expect("a status");
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("a line");
        let kib: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
        assert!(kib <= 10 * 1024, "{line}");
    });
}
