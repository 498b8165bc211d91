#!/usr/bin/env bash
# Tests the tests: breaks the engine in one way at a time (each *.patch here) in a copy of the
# workspace, and expects its tests to fail. Run it from anywhere, for all patches or for some:
#
#   engine/testkit/mutants/run.sh [NAME…]
#
# The tests run with fewer stories and crashes than in CI. It prints a line for each mutant and ends
# with 1 if one survived, did not apply or did not compile.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/mutants
export CARGO_PROFILE_TEST_OPT_LEVEL=${CARGO_PROFILE_TEST_OPT_LEVEL:-1}
export STORIES=${STORIES:-80} CRASHES=${CRASHES:-2000} CUTS=${CUTS:-6}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

names=("$@")
if [ ${#names[@]} = 0 ]; then
  for patch in "$here"/*.patch; do names+=("$(basename "$patch" .patch)"); done
fi

# Only what changed is written, so that only that is compiled again.
fresh() {
  git -C "$root" ls-files -co --exclude-standard -z -- Cargo.toml Cargo.lock engine tests |
    while IFS= read -r -d '' file; do
      if [ -f "$root/$file" ] && ! cmp -s "$root/$file" "$copy/$file"; then
        mkdir -p "$copy/$(dirname "$file")"
        cp "$root/$file" "$copy/$file"
      fi
    done
}

# Prints the names of the tests that fail.
tests() {
  (cd "$copy" && cargo test -q -p windlass-runtime --lib --test main --no-run >"$copy/build.log" 2>&1) ||
    { tail -30 "$copy/build.log"; return 2; }
  (cd "$copy" && timeout 900 cargo test -p windlass-runtime --no-fail-fast --lib --test main >"$copy/test.log" 2>&1) &&
    return 0
  { grep -oE '^test .* \.\.\. FAILED' "$copy/test.log" || echo 'it did not end in time'; } |
    sed -e 's/^test //' -e 's/ \.\.\. FAILED//' | paste -sd ' '
  return 1
}

fresh
if ! failed=$(tests); then
  echo "the tests fail without a mutant: $failed"
  exit 1
fi
survived=0
for name in "${names[@]}"; do
  fresh
  if ! patch -s -d "$copy" -p1 <"$here/$name.patch"; then
    echo "does not apply  $name"
    survived=1
    continue
  fi
  status=0
  failed=$(tests) || status=$?
  case $status in
    0) echo "SURVIVED        $name"; survived=1 ;;
    1) echo "caught          $name: $failed" ;;
    *) echo "does not build  $name"; echo "$failed"; survived=1 ;;
  esac
  find "$copy" \( -name '*.orig' -o -name '*.rej' \) -delete
done
exit $survived
