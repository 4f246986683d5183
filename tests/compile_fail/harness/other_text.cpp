// SPDX-License-Identifier: Apache-2.0
// Fails as it should, but not with this text.
// expect: no compiler says this
int main() {
#ifdef PST_EXPECT_ERROR
  return no_such_name;
#endif
}
