//! The scalars one by one: what they take, and the advice for what they do not take.

use std::net::IpAddr;
use std::num::NonZeroU16;

use language::{
    DnsName, Duration, FilePath, HostName, Leaf, Mode, Name, Period, Port, PortRange, RelativePath,
    Size, Url,
};

fn advice<L: Leaf>(texts: &[&str]) -> String {
    let line = |text: &&str| {
        let why = L::parse(text).err().unwrap_or_else(|| "TAKEN".to_owned());
        format!("{:<24} {why}", format!("{text:?}"))
    };
    texts.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn taken<L: Leaf>(texts: &[&str]) {
    for text in texts {
        assert_eq!(L::parse(text).err(), None, "{text}");
    }
    for example in L::SHAPE.examples {
        assert_eq!(L::parse(example).err(), None, "{example}");
    }
}

#[test]
fn whole_numbers() {
    taken::<u16>(&["0", "65535", "0x10", "0o17"]);
    taken::<u64>(&["9223372036854775807"]);
    taken::<i64>(&["-9223372036854775808", "9223372036854775807", "-0x10", "0"]);
    taken::<NonZeroU16>(&["1"]);
    assert_eq!(i64::parse("-0o17"), Ok(-15));
    assert_eq!(i64::parse("-9223372036854775808"), Ok(i64::MIN));
    insta::assert_snapshot!(advice::<u16>(&[
        "",
        "-1",
        "65536",
        "010",
        "00",
        "089",
        "1e3",
        "1_000",
        "+5",
        "1.5",
        "0x",
        "0xg",
        "0o8",
        "1e300",
        "99999999999999999999",
        "ä",
        "٣",
        " 1",
    ]));
    insta::assert_snapshot!(advice::<i64>(&[
        "--1",
        "-9223372036854775809",
        "9223372036854775808",
        "-010",
        "-1e3",
        "-",
    ]));
}

#[test]
fn numbers() {
    taken::<f64>(&["0", "-1", "1.5", "1e-3", "+2.5E10"]);
    insta::assert_snapshot!(advice::<f64>(&[
        "", "1,5", ".5", "5.", "inf", "NaN", "1e999", "0x10", "1_000", "one"
    ]));
}

#[test]
fn durations_and_sizes() {
    taken::<Duration>(&["0s", "1d2h3m4s5ms"]);
    taken::<Period>(&["1ms", "10m", "0h30m", "1h0s"]);
    assert_eq!(Period::parse("0s").unwrap_err(), "this is no time at all: `1ms` is the least");
    taken::<Size>(&["0B", "10 MiB", "1TiB"]);
    for (text, shown) in [("90m", "1h30m"), ("0s", "0s"), ("1500ms", "1s500ms"), ("36h", "1d12h")] {
        assert_eq!(Duration::parse(text).unwrap().to_string(), shown);
    }
    for (text, said) in [
        ("0s", "0 s"),
        ("250ms", "0.25 s"),
        ("1500ms", "1.5 s"),
        ("30s", "30 s"),
        ("90s", "1 min 30 s"),
        ("2h", "2 h"),
        ("1d1ms", "24 h"),
    ] {
        assert_eq!(Duration::parse(text).unwrap().words(), said);
    }
    for (text, shown) in [("1024KiB", "1MiB"), ("1000KB", "1MB"), ("0B", "0B"), ("1025B", "1025B")]
    {
        assert_eq!(Size::parse(text).unwrap().to_string(), shown);
    }
    insta::assert_snapshot!(advice::<Duration>(&[
        "",
        "30",
        "1.5h",
        "5 min",
        "s",
        "-5s",
        "99999999999999999999s",
        "999999999999999999d"
    ]));
    insta::assert_snapshot!(advice::<Size>(&[
        "",
        "10",
        "10mb",
        "1.5GiB",
        "1GiB1MiB",
        "99999999999TiB"
    ]));
}

#[test]
fn ports_and_ranges() {
    taken::<Port>(&["1", "65535"]);
    taken::<PortRange>(&["80", "80-80", "8000 - 8100"]);
    insta::assert_snapshot!(advice::<Port>(&["0", "65536", "http", "80/tcp"]));
    insta::assert_snapshot!(advice::<PortRange>(&["", "-", "80-", "90-80", "0-1", "1-2-3"]));
}

#[test]
fn modes() {
    taken::<Mode>(&["0644", "0o644", "04755", "0o4755", "0000"]);
    assert_eq!(Mode::parse("0o750"), Ok(Mode(0o750)));
    assert_eq!(Mode(0o4755).to_string(), "4755");
    insta::assert_snapshot!(advice::<Mode>(&[
        "644",
        "4755",
        "0888",
        "u=rw",
        "rw-r--r--",
        "",
        "0",
        "0o7",
        "07777777",
        "0o"
    ]));
}

#[test]
fn urls() {
    taken::<Url>(&[
        "http://localhost",
        "HTTPS://a.b:1/c?d#e",
        "http://[::1]:80/",
        "http://10.0.0.7",
        "http://a?b",
        "http://a.b./",
    ]);
    let url = Url::parse("https://example.org/a?b=c#d").unwrap();
    assert_eq!(
        (url.host(), url.port(), url.path(), url.is_https()),
        ("example.org", 443, "/a?b=c", true)
    );
    let url = Url::parse("http://[::1]:8080").unwrap();
    assert_eq!((url.host(), url.port(), url.path(), url.is_https()), ("::1", 8080, "/", false));
    assert_eq!(url.to_string(), "http://[::1]:8080");
    insta::assert_snapshot!(advice::<Url>(&[
        "",
        "example.org",
        "ftp://a",
        "http://",
        "http:///a",
        "http://a b",
        "http://u:p@a",
        "http://a:0",
        "http://a:x",
        "http://[::1",
        "http://[1.2.3.4]",
        "http://[::1]x",
        "http://ä.org",
        "http://a_b",
        "http://a:1:2",
    ]));
}

#[test]
fn names_of_machines_and_records() {
    let long = "a".repeat(63);
    taken::<HostName>(&["localhost", "web-1.example.org", "3com.example", &long]);
    taken::<DnsName>(&["example.org.", "_acme-challenge.a", "*.a", "*.a.", &long]);
    let name = DnsName::parse("WWW.Example.org.").unwrap();
    assert_eq!(name.canonical(), "www.example.org");
    let (label, name) = ("a".repeat(64), "a.".repeat(127));
    insta::assert_snapshot!(advice::<HostName>(&[
        "", ".", "a.", "a..b", ".a", "-a", "a-", "a_b", "a b", "10.0.0.7", "::1", "a.1", "a:80",
        "a/b", "ä.org", "*.a", &label, &name,
    ]));
    insta::assert_snapshot!(advice::<DnsName>(&["", "*", "*.", "a.*", "a*.b", "..", "@", "a,b"]));
}

#[test]
fn addresses() {
    taken::<IpAddr>(&["10.0.0.7", "::", "::ffff:1.2.3.4"]);
    insta::assert_snapshot!(advice::<IpAddr>(&[
        "",
        "10.0.0",
        "10.0.0.300",
        "10.0.0.07",
        "10.0.0.0/8",
        "10.0.0.7:80",
        "[::1]",
        "web"
    ]));
}

#[test]
fn paths() {
    taken::<FilePath>(&["/", ".", "../a b/c", "C:\\a"]);
    taken::<RelativePath>(&["a", "a/../b", "./a"]);
    insta::assert_snapshot!(advice::<FilePath>(&["", " ", "a ", "~/a", "a\0b", "a\nb"]));
    insta::assert_snapshot!(advice::<RelativePath>(&["/a", "..", "a/../../b", "~", ""]));
}

#[test]
fn names() {
    taken::<Name>(&["a", "Web_1-b"]);
    insta::assert_snapshot!(advice::<Name>(&["", "1a", "a.b", "ä", "a b"]));
}
