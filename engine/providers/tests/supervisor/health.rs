//! Seeing whether services work.

use std::fs;
use std::time::Duration;

use providers::process::supervisor::{HealthCheck, Probe, ServiceSpec, State, Verdict};

use crate::place::{Place, number, seen, status, wait};
use crate::roles::SERVE;
use crate::suite::tests;

tests![
    a_web_server_is_healthy_while_it_answers_as_expected,
    another_probe_is_followed_at_once,
    a_command_that_probes_is_seen_and_leaves_nothing,
    an_adopted_service_is_probed_as_well,
];

fn checked(mut spec: ServiceSpec, probe: Probe) -> ServiceSpec {
    spec.rules.health = Some(HealthCheck {
        probe,
        interval: Duration::from_millis(50),
        timeout: Duration::from_secs(1),
        grace: Duration::from_secs(10),
        failures: 2,
    });
    spec
}

fn web(port: i32) -> Probe {
    let port = u16::try_from(port).expect("a port");
    Probe::Http { tls: None, host: "127.0.0.1".into(), port, path: "/health".into(), status: 200 }
}

fn a_web_server_is_healthy_while_it_answers_as_expected() {
    wait(async {
        let place = Place::new();
        let (client, answer) = (place.client().await, place.path().join("status"));
        fs::write(&answer, "503 Not yet").expect("a file");
        let plain = place.role("web", SERVE);
        client.ensure(&plain, "t").await.expect("a service");
        let spec = checked(plain, web(number(&place.path().join("port"))));
        client.ensure(&spec, "t").await.expect("a service");
        let starting = seen(&client, "web", |s| s.health.failures > 4).await.health;
        assert_eq!(starting.verdict, Verdict::Starting);
        assert_eq!(starting.detail, "GET /health → 503");
        fs::write(&answer, "200 OK").expect("a file");
        let healthy = seen(&client, "web", |s| s.health.verdict == Verdict::Healthy).await;
        assert_eq!((healthy.health.detail.as_str(), healthy.starts), ("GET /health → 200", 1));
        fs::write(&answer, "500 Oh").expect("a file");
        let unhealthy = seen(&client, "web", |s| s.health.verdict == Verdict::Unhealthy).await;
        assert!(unhealthy.health.failures >= 2);
        // It runs: whether to end it is for its owner to say.
        assert_eq!((unhealthy.state, unhealthy.word()), (State::Running, "unhealthy"));
        fs::write(&answer, "200 OK").expect("a file");
        seen(&client, "web", |s| s.health.verdict == Verdict::Healthy).await;
        client.ensure(&spec, "t2").await.expect("a service");
        assert_eq!(seen(&client, "web", |_| true).await.starts, 1, "one that works is left alone");
        fs::write(&answer, "500 Oh").expect("a file");
        seen(&client, "web", |s| s.health.verdict == Verdict::Unhealthy).await;
        client.ensure(&spec, "t3").await.expect("a service");
        seen(&client, "web", |s| s.starts == 2 && s.health.verdict == Verdict::Starting).await;
    });
}

fn another_probe_is_followed_at_once() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        let plain = place.role("web", SERVE);
        let first = client.ensure(&plain, "t").await.expect("a service");
        assert_eq!(first.health.verdict, Verdict::Unchecked);
        let port = u16::try_from(number(&place.path().join("port"))).expect("a port");
        let probe = Probe::Tcp { host: "localhost".into(), port };
        let spec = checked(plain.clone(), probe);
        client.ensure(&spec, "t").await.expect("a service");
        let healthy = seen(&client, "web", |s| s.health.verdict == Verdict::Healthy).await;
        assert_eq!(healthy.pid, first.pid);
        client.ensure(&plain, "t").await.expect("a service");
        assert_eq!(status(&client, "web").await.health.verdict, Verdict::Unchecked);
    });
}

fn a_command_that_probes_is_seen_and_leaves_nothing() {
    wait(async {
        let place = Place::new();
        let (client, flag) = (place.client().await, place.path().join("works"));
        let words = ["test", "-e", "works"].map(String::from);
        let probe = Probe::Command { command: words.into() };
        let spec = checked(place.shell("web", "exec sleep 1000"), probe);
        client.ensure(&spec, "t").await.expect("a service");
        let starting = seen(&client, "web", |s| s.health.failures > 2).await.health;
        assert_eq!(starting.detail, "test → exit code 1");
        fs::write(&flag, "").expect("a file");
        seen(&client, "web", |s| s.health.verdict == Verdict::Healthy).await;
        // One that hangs is ended with the service.
        let words = ["sh", "-c", "setsid sleep 1000 & sleep 1000"].map(String::from);
        let probe = Probe::Command { command: words.into() };
        client.ensure(&checked(spec, probe), "t").await.expect("a service");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(place.processes().len() > 1);
        client.stop("web").await.expect("stopped");
        assert_eq!(place.processes(), [0; 0]);
    });
}

fn an_adopted_service_is_probed_as_well() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        let probe = Probe::Command { command: vec!["true".into()] };
        let spec = checked(place.shell("web", "exec sleep 1000"), probe);
        client.ensure(&spec, "t").await.expect("a service");
        place.kill_supervisor();
        seen(&client, "web", |s| s.health.verdict == Verdict::Healthy && s.starts == 1).await;
    });
}
