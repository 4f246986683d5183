// SPDX-License-Identifier: Apache-2.0
// Says the text, but below the lines that a user reads.
// expect: the_second_name
// within: 3 lines
int main() {
#ifdef PST_EXPECT_ERROR
  no_such_name();

  the_second_name();
#endif
}
