//! The front as a process: it dies, is replaced, and outlives its parent, and nobody is refused.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use front::{Command, Keeper, Reply};
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, timeout};

use crate::backend::{Backend, good};
use crate::client::{Client, get};
use crate::suite::tests;
use crate::world::{FRONT, ORPHAN, PARENT, SOON, World, leave, plan};

tests![
    nobody_is_refused_when_the_front_is_killed,
    routes_survive_the_front,
    a_paused_route_stays_paused_after_a_death,
    counts_survive_the_front_and_say_what_they_miss,
    a_replacement_loses_nothing_and_counts_everything,
    a_replacement_that_cannot_begin_changes_nothing,
    a_replacement_waits_for_no_drain,
    a_program_that_was_installed_takes_over_and_nobody_is_lost,
    the_front_outlives_its_parent_and_is_taken_over,
    nobody_is_refused_when_the_parent_is_killed,
    sockets_come_by_the_activation_protocol,
    a_front_that_is_told_to_end_finishes_what_it_began,
];

pub(crate) fn kill(pid: u32) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process");
    kill_process(pid, Signal::KILL).expect("a kill");
}

/// Waits until another process serves.
pub(crate) async fn another(world: &World, than: u32) -> u32 {
    let changed = async {
        loop {
            if let Ok(look) = world.remote().look().await
                && look.pid != than
            {
                return look.pid;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, changed).await.expect("another front")
}

/// Asks on one new connection after the other; counts who was answered, and who was not.
struct Newcomers {
    stop: Rc<Cell<bool>>,
    task: JoinHandle<(u64, u64)>,
}

impl Newcomers {
    fn come(address: std::net::SocketAddr) -> Self {
        let stop = Rc::new(Cell::new(false));
        let seen = stop.clone();
        let task = spawn_local(async move {
            let (mut answered, mut not) = (0, 0);
            while !seen.get() {
                // A refused connection is a panic, and fails the test.
                let heard = get(address, "/").await;
                let good = heard.is_some_and(|heard| heard.status == 200 && heard.whole);
                *(if good { &mut answered } else { &mut not }) += 1;
            }
            (answered, not)
        });
        Self { stop, task }
    }

    async fn leave(self) -> (u64, u64) {
        self.stop.set(true);
        self.task.await.expect("nobody was refused")
    }
}

async fn nobody_is_refused_when_the_front_is_killed() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let newcomers = [Newcomers::come(world.plain), Newcomers::come(world.plain)];
    let mut pid = world.pid().await;
    for _ in 0..8 {
        sleep(Duration::from_millis(50)).await;
        kill(pid);
        pid = another(&world, pid).await;
    }
    for newcomer in newcomers {
        let (answered, cut) = newcomer.leave().await;
        assert!(answered > 8, "{answered} answers");
        // What was open in the process that died is cut: at most one of each at each death.
        assert!(cut <= 8, "{cut} cut");
    }
}

async fn routes_survive_the_front() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    world.flip("two", &[backend.address]).await;
    let pid = world.pid().await;
    kill(pid);
    another(&world, pid).await;
    assert_eq!(get(world.plain, "/").await.expect("an answer").text(), "blue");
    let look = world.remote().look().await.expect("a look");
    let office = look.routes[0].office.as_ref().expect("somebody in office");
    assert_eq!((office.term, office.version.as_str()), (2, "two"));
    assert_eq!(look.routes[0].closed[0].version, "one", "receipts, too");
}

async fn a_paused_route_stays_paused_after_a_death() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    world.pause().await;
    let pid = world.pid().await;
    kill(pid);
    another(&world, pid).await;
    let waiting = spawn_local(get(world.plain, "/"));
    sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    world.say(Command::Resume { route: "web".into() }).await;
    assert_eq!(waiting.await.expect("a task").expect("an answer").text(), "blue");
}

async fn counts_survive_the_front_and_say_what_they_miss() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    for _ in 0..5 {
        get(world.plain, "/").await.expect("an answer");
    }
    sleep(Duration::from_millis(1_200)).await;
    let pid = world.pid().await;
    kill(pid);
    another(&world, pid).await;
    get(world.plain, "/").await.expect("an answer");
    let counts = world.counts().await;
    assert_eq!((counts.served, counts.interrupted), (6, 1));
}

async fn a_replacement_loses_nothing_and_counts_everything() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let newcomers = [Newcomers::come(world.plain), Newcomers::come(world.plain)];
    // Who stays on one connection reconnects when told, and never loses an answer.
    let (address, stop) = (world.plain, Rc::new(Cell::new(false)));
    let seen = stop.clone();
    let regular = spawn_local(async move {
        let (mut client, mut answered) = (Client::to(address).await, 0);
        while !seen.get() {
            let heard = client.get("/slow").await.expect("an answer");
            assert!(heard.status == 200 && heard.whole);
            answered += 1;
            if heard.header("connection") == Some("close") {
                client = Client::to(address).await;
            }
        }
        answered
    });
    let mut pid = world.pid().await;
    for _ in 0..3 {
        sleep(Duration::from_millis(100)).await;
        world.keeper().replace(SOON).await.expect("a replacement");
        pid = another(&world, pid).await;
    }
    let mut answered = 0;
    for newcomer in newcomers {
        let (good, bad) = newcomer.leave().await;
        assert_eq!(bad, 0, "nobody is lost");
        answered += good;
    }
    stop.set(true);
    answered += regular.await.expect("no loss");
    let counts = world.counts().await;
    assert_eq!((counts.served, counts.lost, counts.gone), (answered, 0, 0), "{counts:?}");
    assert_eq!(counts.interrupted, 0);
}

async fn a_replacement_that_cannot_begin_changes_nothing() {
    let (mut world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    world.dismiss();
    let mut wrong = plan(world.folder.path(), front::Settings::default());
    wrong.program = "/bin/false".into();
    let keeper = Keeper::start(wrong).await.expect("it takes the front over");
    let pid = world.pid().await;
    let why = keeper.replace(SOON).await.expect_err("no replacement").to_string();
    assert_eq!(why, "the front did not begin: exit status: 1");
    assert_eq!(world.pid().await, pid);
    world.flip("two", &[backend.address]).await;
    assert_eq!(get(world.plain, "/").await.expect("an answer").text(), "blue");
}

async fn a_replacement_waits_for_no_drain() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let events = spawn_local(get(world.plain, "/events"));
    sleep(Duration::from_millis(50)).await;
    world.flip("two", &[backend.address]).await;
    let why = world.keeper().replace(SOON).await.expect_err("a refusal").to_string();
    assert_eq!(why, "term 1 of web is not drained: drain it first");
    world.drain(1, Duration::ZERO).await;
    world.keeper().replace(SOON).await.expect("a replacement");
    assert!(!events.await.expect("a task").expect("a head").whole);
}

async fn a_program_that_was_installed_takes_over_and_nobody_is_lost() {
    let (mut world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let (before, newcomers) = (world.pid().await, Newcomers::come(world.plain));
    world.dismiss();
    // The next keeper is of a program that was installed elsewhere.
    let mut other = plan(world.folder.path(), front::Settings::default());
    let installed = world.folder.path().join("installed");
    std::fs::copy(&other.program, &installed).expect("a copy");
    other.program.clone_from(&installed);
    let _keeper = Keeper::start(other.clone()).await.expect("a keeper");
    let adopted = another(&world, before).await;

    let parent = front::Parent::of(world.folder.path());
    parent.renew().await.expect("nothing to do");
    assert_eq!(world.pid().await, adopted, "it is that program");
    let next = installed.with_extension("next");
    std::fs::copy(&installed, &next).expect("a copy");
    std::fs::rename(&next, &installed).expect("another file in its place");
    parent.renew().await.expect("a replacement");
    another(&world, adopted).await;
    let (answered, lost) = newcomers.leave().await;
    assert!(answered > 0 && lost == 0, "{answered} answered, {lost} lost");
}

async fn the_front_outlives_its_parent_and_is_taken_over() {
    let (mut world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let pid = world.pid().await;
    world.dismiss();
    assert_eq!(get(world.plain, "/").await.expect("an answer").text(), "blue");
    let next = Keeper::start(plan(world.folder.path(), front::Settings::default()))
        .await
        .expect("a keeper");
    assert_eq!(next.binds()[0].address, world.plain, "the same sockets");
    assert!(next.binds()[1].tls, "and what they speak");
    assert_eq!(world.pid().await, pid, "the same front");
    let newcomers = Newcomers::come(world.plain);
    sleep(Duration::from_millis(50)).await;
    kill(pid);
    another(&world, pid).await;
    let (answered, cut) = newcomers.leave().await;
    assert!(answered > 0 && cut <= 1, "{answered} answered, {cut} cut");
    next.stop(SOON).await.expect("an end");
    // A child that another test is about to start has a hold of the socket for a moment.
    let listens = async { while tokio::net::TcpStream::connect(world.plain).await.is_ok() {} };
    timeout(SOON, listens).await.expect("nobody listens any more");
}

async fn nobody_is_refused_when_the_parent_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command =
        tokio::process::Command::new(std::env::current_exe().expect("this executable"));
    let command = command.arg(PARENT).arg(folder.path()).env(ORPHAN, "1").kill_on_drop(true);
    let mut parent = command.spawn().expect("a parent");
    let _ends = Ends(folder.path());
    let address = async {
        loop {
            let text = std::fs::read_to_string(folder.path().join("address")).unwrap_or_default();
            if let Ok(address) = text.parse() {
                return address;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    let address: std::net::SocketAddr = timeout(SOON, address).await.expect("an address");
    let remote = front::Remote::of(folder.path()).expect("a remote");
    let backend = good("blue").await;
    let spec = front::RouteSpec { name: "web".into(), prefix: "/".into(), ..Default::default() };
    remote.say(&Command::Put(spec)).await.expect("a route");
    let targets = vec![backend.address];
    let flip = Command::Flip { route: "web".into(), version: "1".into(), targets, ready_ms: 0 };
    remote.say(&flip).await.expect("a flip");
    let newcomers = Newcomers::come(address);
    sleep(Duration::from_millis(100)).await;
    parent.kill().await.expect("a kill");
    sleep(Duration::from_millis(100)).await;
    // The next parent takes over while everything goes on, and can replace the front.
    let mut next = plan(folder.path(), front::Settings::default());
    next.binds.clear();
    let next = Keeper::start(next).await.expect("a keeper");
    next.replace(SOON).await.expect("a replacement");
    let (answered, lost) = newcomers.leave().await;
    assert!(answered > 20 && lost == 0, "{answered} answered, {lost} lost");
    next.stop(SOON).await.expect("an end");
}

/// Ends whoever serves in a folder, also when the test fails.
struct Ends<'a>(&'a std::path::Path);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        leave(self.0);
    }
}

/// A stand-in for systemd that is in every Debian: `systemd-socket-activate` is not.
async fn sockets_come_by_the_activation_protocol() {
    let backend: Backend = good("blue").await;
    let folder = tempfile::tempdir().expect("a folder");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listener.local_addr().expect("an address");
    let mut command = std::process::Command::new("sh");
    // As systemd does it: the number of the process itself, and descriptors from 3 on.
    command.args([
        "-c",
        "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=http exec \"$@\" 3<&0 </dev/null",
        "sh",
    ]);
    command.arg(std::env::current_exe().expect("this executable")).arg(FRONT).arg(folder.path());
    command.stdin(std::os::fd::OwnedFd::from(listener));
    let mut child = tokio::process::Command::from(command).spawn().expect("a front");
    let remote = front::Remote::of(folder.path()).expect("a remote");
    let begun = async {
        while remote.look().await.is_err() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, begun).await.expect("a front");
    let spec = front::RouteSpec { name: "web".into(), prefix: "/".into(), ..Default::default() };
    remote.say(&Command::Put(spec)).await.expect("a route");
    let targets = vec![backend.address];
    let flip = Command::Flip { route: "web".into(), version: "1".into(), targets, ready_ms: 0 };
    remote.say(&flip).await.expect("a flip");
    assert_eq!(get(address, "/").await.expect("an answer").text(), "blue");
    let left = remote.say(&Command::Leave { deadline_ms: 1000 }).await.expect("receipts");
    let Reply::Receipts(receipts) = left else { panic!("{left:?}") };
    assert_eq!(receipts[0].counts.served, 1);
    assert!(child.wait().await.expect("an end").success());
}

async fn a_front_that_is_told_to_end_finishes_what_it_began() {
    let (mut world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let pid = world.pid().await;
    world.dismiss();
    let slow = spawn_local(get(world.plain, "/slow"));
    sleep(Duration::from_millis(30)).await;
    kill_process(Pid::from_raw(pid.cast_signed()).expect("a process"), Signal::TERM)
        .expect("a signal");
    let heard = slow.await.expect("a task").expect("an answer");
    assert_eq!((heard.text(), heard.header("connection")), ("blue", Some("close")));
    let gone = async {
        while std::path::Path::new(&format!("/proc/{pid}/cmdline")).exists()
            && !std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default().is_empty()
        {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, gone).await.expect("an end");
    // What it counted is there for the next one, whole.
    let next = Keeper::start(plan(world.folder.path(), front::Settings::default()))
        .await
        .expect("a front");
    let counts = world.counts().await;
    assert_eq!((counts.served, counts.interrupted), (1, 0));
    next.stop(SOON).await.expect("an end");
}
