# SPDX-License-Identifier: Apache-2.0
# Reads the JUnit files of ctest and prints "passed failed skipped". A doctest program counts as its test cases, any
# other test as one. A program that fails beyond its test cases, as a crash or a leak does, is one failure more.
function close_test() {
  if (!open) return
  open = 0
  if (counted) {
    passed += case_passed; failed += case_failed; skipped += case_skipped
    if (status != "run" && case_failed == 0) failed += 1
  } else if (status == "run") {
    passed += 1
  } else if (status == "disabled" || (status == "notrun" && by_request)) {
    skipped += 1
  } else {
    failed += 1  # failed, timed out, or its program was never built
  }
}
/^\t<testcase / {
  close_test()
  open = 1; counted = 0; by_request = 0
  match($0, /status="[a-z]+"/)
  status = substr($0, RSTART + 8, RLENGTH - 9)
}
/<skipped message="SKIP_/ { by_request = 1 }
# [doctest] test cases: 3 | 2 passed | 1 failed | 1 skipped
/^[^|]*\[doctest\] test cases:.*\|/ {
  line = $0
  sub(/.*test cases:/, "", line)
  split(line, part, "|")
  counted = 1; case_passed = part[2] + 0; case_failed = part[3] + 0; case_skipped = part[4] + 0
}
END { close_test(); printf "%d %d %d\n", passed, failed, skipped }
