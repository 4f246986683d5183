// SPDX-License-Identifier: Apache-2.0
// Fails as it should, but asks for no text.
int main() {
#ifdef PST_EXPECT_ERROR
  return no_such_name;
#endif
}
