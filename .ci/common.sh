# What both commands of the README need first: a C compiler (SQLite is built in), Python (the guestbook)
# and openssl (tests look at certificates with it). Says what it installs, and installs only what misses.

cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

# want PROGRAM PACKAGE: sees to it that the program is there if it can, or says how to get it and fails.
want() {
    command -v "$1" >/dev/null 2>&1 && return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        say "missing: $1. Install it with your package manager, then type this again."
        return 1
    fi
    as_root=""
    if [ "$(id -u)" != 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            say "missing: $1. Type: sudo apt-get install -y $2   and then this again."
            return 1
        fi
        as_root="sudo"
    fi
    say "installing $2 (for $1) …"
    $as_root apt-get update -qq >/dev/null &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null
}

# need PROGRAM PACKAGE: the same, and nothing goes on without it.
need() { want "$1" "$2" || exit 1; }

if ! command -v cargo >/dev/null 2>&1; then
    say "missing: a Rust toolchain. Get one from https://rustup.rs, then type this again."
    exit 1
fi
need cc gcc
need ld libc6-dev
need python3 python3
need openssl openssl
