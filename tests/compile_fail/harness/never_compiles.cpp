// SPDX-License-Identifier: Apache-2.0
// Compiles in neither form.
// expect: error
int main() { return no_such_name; }
