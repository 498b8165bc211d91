//! How fast text goes through the masker, in processor time, beside plain copying: see `tests/bench/mask`.

#![expect(clippy::print_stdout, reason = "it tells what it measured")]

use std::sync::Arc;

use fastrand::Rng;
use model::SecretText;
use model::mask::{Covered, Masker, Stream};

const MIB: usize = 1 << 20;
/// As much as a pipe hands over at once, in bytes.
const CHUNK: usize = 64 * 1024;

fn main() {
    let size: usize = std::env::args().nth(1).and_then(|size| size.parse().ok()).unwrap_or(200);
    let pages = [("lines of a log", log()), ("base64, no line end", noise())];
    for (name, page) in &pages {
        let (copied, _) = through(size, page, |chunk, out| out.extend_from_slice(chunk));
        println!("{name:<20}  copied                  {copied:>6.0} MiB/s");
        for secrets in [0, 1, 10, 100, 1_000] {
            let begun = on_cpu();
            let masker = masker(secrets);
            let made = (on_cpu() - begun) * 1_000.0;
            let mut stream = Stream::new(masker);
            let (speed, kept) = through(size, page, |chunk, out| stream.push(chunk, out));
            println!(
                "{name:<20}  {secrets:>5} secrets           {speed:>6.0} MiB/s  1/{:<4.0} of it; \
                 {made:.1} ms to begin, {:.1} MiB out",
                copied / speed,
                kept as f64 / MIB as f64
            );
        }
    }
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = peak.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("peak not known");
    println!("{peak}");
}

/// Hands on so many MiB, and returns how many a second, and how many bytes came out.
fn through(size: usize, page: &[u8], mut hand: impl FnMut(&[u8], &mut Vec<u8>)) -> (f64, usize) {
    let (mut out, mut came, mut all) = (Vec::with_capacity(2 * CHUNK), 0, 0);
    let begun = on_cpu();
    for chunk in page.chunks(CHUNK).cycle() {
        hand(chunk, &mut out);
        all += std::hint::black_box(&out).len();
        out.clear();
        came += chunk.len();
        if came >= size * MIB {
            break;
        }
    }
    ((came / MIB) as f64 / (on_cpu() - begun).max(0.001), all)
}

/// Seconds of processor time that this process had: who else is at work makes no difference.
fn on_cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|first| first.parse::<f64>().ok());
    nanoseconds.unwrap_or_default() / 1e9
}

fn masker(secrets: usize) -> Arc<Masker> {
    let mut rng = Rng::with_seed(7);
    let text = |rng: &mut Rng| -> String { (0..24).map(|_| rng.alphanumeric()).collect() };
    let texts = (0..secrets).map(|_| Covered::new(SecretText::new(text(&mut rng)))).collect();
    Arc::new(Masker::default().with(texts))
}

/// 4 MiB of what builds and tests say.
fn log() -> Vec<u8> {
    let mut rng = Rng::with_seed(1);
    let words = "test result ok running compiling error warning at src/lib.rs:17 in 0.25 s GET /api/v1 200 \
                 [INFO] downloading done the of {\"id\": \"value\", user";
    let words: Vec<&str> = words.split(' ').collect();
    let mut page = Vec::new();
    while page.len() < 4 * MIB {
        for _ in 0..rng.usize(4..20) {
            page.extend(words[rng.usize(..words.len())].bytes().chain([b' ']));
        }
        page.extend(format!("{:x}\n", rng.u64(..)).bytes());
    }
    page
}

fn noise() -> Vec<u8> {
    let mut rng = Rng::with_seed(2);
    (0..4 * MIB).map(|_| rng.alphanumeric() as u8).collect()
}
